import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../src/errors.ts';
import { restoreMounts } from '../../src/sync/absence.ts';
import { FakeWorld } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

type Wishes = Parameters<typeof someSync>[0] & object;

const status = {
  destinations: [{ destination: 'aws:eu-west-1:' }],
  sourceMounts: [{ mount: 'secret', uuid: 'uuid-1' }],
} as VaultSecretSync['status'];
const object = { status } as const;

/** Copies of `app/a` and `app/b` were made; then `app/b` is gone from Vault altogether, and no record is left of anything. */
async function forgottenWorld(wishes: Wishes, { before = wishes, name = 'app/b' } = {}): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/a', { user: 'ada' });
  world.vault.put(name, { user: 'eve' });
  await world.reconcile(someSync(before, object));
  world.clock.now += 61_000;
  world.vault.deleteMetadata(name);
  world.ledger.lose();
  await restoreMounts(world.ledger, someSync(wishes, object));
  world.quiet();
  return world;
}

describe('a secret that is gone while nobody remembers its copies', () => {
  test.each<[string, Wishes]>([
    ['in every store', { path: 'secret/app/*', dest: everywhere }],
    ['where nobody cares for drift', { path: 'secret/app/*', driftPolicy: 'Ignore' }],
    ['by a name that its path does not show', { path: 'secret/app/(.*)', dest: [{ aws: { name: 'x-$1' } }] }],
    ['for a copy of each key', { path: 'secret/app/*', dest: [{ aws: { granularity: 'key' } }] }],
  ])('is followed %s, by what the copies bear', async (_where, wishes) => {
    const world = await forgottenWorld(wishes);
    const before = world.stores.flatMap(({ copies }) => [...copies.keys()]);

    const { whole } = await world.reconcile(someSync(wishes, object));

    const left = world.stores.flatMap(({ copies }) => [...copies.keys()]);
    expect(left).toHaveLength(before.length / 2);
    expect(left.filter((name) => /b/.test(name))).toEqual([]);
    expect(whole).toBe(true);
  });

  test.each<[string, SyncError['remedy'], Wishes, string | null]>([
    ['where nobody cares for drift', 'Retry', { path: 'secret/app/*', driftPolicy: 'Ignore' }, 'StoreTimeout'],
    ['where drift is repaired', 'RateLimited', { path: 'secret/app/*' }, 'StoreTimeout'],
    ['by and by without the right to list', 'SlowRetry', { path: 'secret/app/*', driftPolicy: 'Ignore' }, null],
  ])('is followed %s after a listing failed', async (_where, remedy, wishes, told) => {
    const world = await forgottenWorld(wishes);
    const error = new SyncError({ remedy, reason: 'StoreTimeout', message: 'the store did not answer' });
    world.aws.failing.set('list', error);

    const { unlisted } = await world.reconcile(someSync(wishes, object));
    const afterFailure = [...world.aws.copies.keys()];
    world.aws.failing.clear();
    const second = await world.reconcile(someSync(wishes, object));

    expect(unlisted?.reason ?? null).toBe(told);
    expect(afterFailure).toEqual(['app/a', 'app/b']);
    expect([...world.aws.copies.keys()]).toEqual(['app/a']);
    expect(second.unlisted).toBeNull();
  });

  test('is followed whatever letters its path has', async () => {
    const wishes: Wishes = { path: 'secret/app/*' };
    const world = await forgottenWorld(wishes, { name: 'app/é =4A#{"' });

    await world.reconcile(someSync(wishes, object));

    expect([...world.aws.copies.keys()]).toEqual(['app/a']);
  });

  test.each<[string, Wishes, { before?: Wishes; name?: string }]>([
    ['deletionPolicy: Retain', { path: 'secret/app/*', deletionPolicy: 'Retain' }, {}],
    ['a manifest that does not select it', { path: 'secret/app/a*' }, { before: { path: 'secret/app/*' } }],
    ['a selection by metadata, which may not have had it', { path: 'secret/app/*', source: { selector: {} } }, {}],
    ['a path too long for a mark', { path: 'secret/app/*', dest: [{ gcp: {} }] }, { name: `app/${'x'.repeat(245)}` }],
  ])('is not followed with %s', async (_with, wishes, options) => {
    const world = await forgottenWorld(wishes, options);

    await world.reconcile(someSync(wishes, object));

    expect(world.stores.flatMap(({ copies }) => [...copies.keys()])).toHaveLength(2);
    expect(world.stores.flatMap((store) => store.callsOf('remove'))).toEqual([]);
  });

  test('is followed where no status tells of the mount either', async () => {
    const sync = someSync({ path: 'secret/app/*' });
    const world = new FakeWorld();
    world.vault.put('app/a', { user: 'ada' });
    world.vault.put('app/b', { user: 'eve' });
    await world.reconcile(sync);
    world.clock.now += 61_000;
    world.vault.deleteMetadata('app/b');
    world.ledger.lose();

    const { whole } = await world.reconcile(sync);

    expect([...world.aws.copies.keys()]).toEqual(['app/a']);
    expect(whole).toBe(true);
  });

  test('is not followed from a mount that was made anew', async () => {
    const wishes: Wishes = { path: 'secret/app/*' };
    const world = await forgottenWorld(wishes);
    world.vault.remount();

    const { results } = await world.reconcile(someSync(wishes, object));

    expect(world.aws.copies.size).toBe(2);
    expect(results.map(({ reason }) => reason)).toContain('SourceNotFound');
  });

  test('is not taken for the secret of a copy that was made of another one', async () => {
    const wishes: Wishes = { path: 'secret/app/*' };
    const world = await forgottenWorld(wishes);
    const { state, ...copy } = world.aws.copies.get('app/b') ?? {};
    world.aws.place('app/b', { ...copy, state: state?.replace(/\.\w+\./, '.0123456789abcdef.') ?? null });

    await world.reconcile(someSync(wishes, object));

    expect(world.aws.copies.size).toBe(2);
  });

  test('stops at the deletion guard, like every other', async () => {
    const wishes: Wishes = { path: 'secret/app/*', maxDeletions: 0 };
    const world = await forgottenWorld(wishes);

    await world.reconcile(someSync(wishes, object));

    expect(world.aws.copies.size).toBe(2);
  });
});

describe('a key that is gone while nobody remembers its copy', () => {
  const wishes: Wishes = { path: 'secret/app/*', dest: [{ aws: { granularity: 'key' } }] };

  async function worldWithoutKey(of: Wishes): Promise<FakeWorld> {
    const world = new FakeWorld();
    world.vault.put('app/a', { user: 'ada', password: 'canary' });
    await world.reconcile(someSync(of, object));
    world.clock.now += 61_000;
    world.vault.put('app/a', { user: 'ada' });
    world.ledger.lose();
    await restoreMounts(world.ledger, someSync(of, object));
    return world;
  }

  test('is followed by what the copy bears', async () => {
    const world = await worldWithoutKey(wishes);

    await world.reconcile(someSync(wishes, object));

    expect([...world.aws.copies.keys()]).toEqual(['app/a/user']);
  });

  test('is followed by its name in Vault where transforms give it another', async () => {
    const renamed: Wishes = { ...wishes, transforms: { rename: [{ from: 'password', to: 'secret' }] } };
    const world = await worldWithoutKey(renamed);

    await world.reconcile(someSync(renamed, object));

    expect([...world.aws.copies.keys()]).toEqual(['app/a/user']);
  });

  test('is told from one that a manifest gives another name now', async () => {
    const renamed: Wishes = { ...wishes, transforms: { rename: [{ from: 'user', to: 'login' }] } };
    const world = new FakeWorld();
    world.vault.put('app/a', { user: 'ada' });
    await world.reconcile(someSync(wishes, object));
    world.clock.now += 61_000;
    world.ledger.lose();

    await world.reconcile(someSync(renamed, { ...object, generation: 2 }));

    // removalPolicy: Retain
    expect([...world.aws.copies.keys()].sort()).toEqual(['app/a/login', 'app/a/user']);
  });
});
