import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { restoreMounts } from '../../src/sync/absence.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

const status = {
  destinations: [{ destination: 'aws:eu-west-1:' }],
  sourceMounts: [{ mount: 'secret', uuid: 'uuid-1' }],
} as VaultSecretSync['status'];

/** Copies were made; then the ledger is lost, and the mount is made anew, empty. */
async function remadeWorld(wishes: Wishes): Promise<{ world: FakeWorld; sync: VaultSecretSync }> {
  const sync = someSync({ removalPolicy: 'Delete', ...wishes }, { status });
  const world = new FakeWorld();
  world.vault.put('app/a', { user: 'ada' });
  world.vault.put('app/b', { user: 'eve' });
  await world.reconcile(sync);
  world.clock.now += 60_000;
  world.ledger.lose();
  world.vault.remount();
  await restoreMounts(world.ledger, sync);
  return { world, sync };
}

describe.each<[string, Wishes]>([
  ['whole secrets', { path: 'secret/app/*' }],
  ['keys', { path: 'secret/app/*', dest: [{ aws: { granularity: 'key' } }] }],
  ['secrets that are selected by metadata', { path: 'secret/app/*', source: { selector: {} } }],
])('copies of %s, when the ledger is lost and the mount is another one', (_what, wishes) => {
  test('are left as they are, and that is said', async () => {
    const { world, sync } = await remadeWorld(wishes);

    const first = await world.reconcile(sync);
    world.clock.now += 60_000;
    const second = await world.reconcile(sync);

    expect(world.aws.copies.size).toBe(2);
    expect([first.whole, second.whole]).toEqual([false, false]);
    expect(new Set([...first.results, ...second.results].map(({ reason }) => reason))).toEqual(
      new Set(['SourceNotFound']),
    );
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['failed', 'failed']);
  });

  test('go where the mount is the same and the secrets are gone', async () => {
    const { world, sync } = await remadeWorld(wishes);
    world.vault.mountUuid = 'uuid-1';

    await world.reconcile(sync);

    expect(world.aws.copies.size).toBe(0);
  });

  test('are taken up again when the secrets are put back', async () => {
    const { world, sync } = await remadeWorld(wishes);
    await world.reconcile(sync);
    world.clock.now += 60_000;
    world.vault.put('app/a', { user: 'new' });
    world.vault.put('app/b', { user: 'eve' });

    const { whole } = await world.reconcile(sync);

    expect(whole).toBe(true);
    expect(JSON.stringify(world.aws.values())).toContain('new');
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced', 'synced']);
  });
});

test('copies that the ledger knows are left as they are when the mount is another one', async () => {
  const sync = someSync({ path: 'secret/app/*', removalPolicy: 'Delete' });
  const world = new FakeWorld();
  world.vault.put('app/a', { user: 'ada' });
  await world.reconcile(sync);
  world.clock.now += 60_000;
  world.vault.remount();

  for (let count = 0; count < 2; count++) await world.reconcile(sync);

  expect(world.aws.copies.size).toBe(1);
});
