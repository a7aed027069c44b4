import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const perKey = { dest: [{ aws: { granularity: 'key' as const } }] };
const sync = someSync(perKey);
const source = '["main","","secret","app/db"]';

async function keysInSync(of = sync): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada', password: 'secret' });
  await world.reconcile(of);
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

describe('what is remembered of copies whose number follows from Vault', () => {
  const fact = `team-a/db copies:${source}`;

  test('is remembered before the first of them is written', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: 'secret' });
    let known: string | undefined;
    world.aws.duringWrite = () => {
      known ??= world.ledger.facts.get(fact);
    };

    await world.follow('app/db', sync);

    expect(known).toContain('aws:eu-west-1:/app/db/user');
    expect(known).toContain('aws:eu-west-1:/app/db/password');
  });

  test('is not written again while the keys stay the same', async () => {
    const world = await keysInSync();
    const remember = world.ledger.remember.bind(world.ledger);
    const written: string[] = [];
    world.ledger.remember = (of, name, value) => {
      written.push(name);
      return remember(of, name, value);
    };
    world.vault.put('app/db', { user: 'eve', password: 'changed' });

    await world.follow('app/db', sync);

    expect(written).toEqual([]);
  });

  test('tells of a copy that a crash left unrecorded, so that it goes with its key', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: 'secret' });
    world.ledger.failing = new Error('crashed');
    await expect(world.follow('app/db', sync)).rejects.toThrow('crashed');
    world.ledger.failing = null;
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
  });

  test('and the same in a full reconcile', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: 'secret' });
    world.ledger.failing = new Error('crashed');
    await expect(world.follow('app/db', sync)).rejects.toThrow('crashed');
    world.ledger.failing = null;
    world.vault.put('app/db', { user: 'ada' });

    await world.reconcile(sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
  });

  test('forgets a copy that was deleted, an hour later', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);
    for (let count = 0; count < 3; count++) {
      world.clock.now += 60 * 60_000;
      await world.reconcile(sync);
    }

    expect([...world.ledger.entries.keys()]).toEqual(['aws:eu-west-1:/app/db/user']);
    expect(world.ledger.facts.get(fact)).not.toContain('password');
  });

  test('is found again when it is lost, without a write', async () => {
    const world = await keysInSync();
    world.ledger.lose();

    await world.reconcile(sync);
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);

    expect(world.aws.callsOf('write')).toEqual([]);
    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
  });

  test.each(['Retain', 'Delete'] as const)(
    'is not needed to follow a key that has gone, whatever removalPolicy says: %s',
    async (removalPolicy) => {
      const policy = someSync({ ...perKey, removalPolicy });
      const world = await keysInSync(policy);
      world.ledger.lose();
      world.vault.put('app/db', { user: 'ada' });

      await world.reconcile(policy);

      expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
    },
  );

  test.each<[string, () => VaultSecretSync]>([
    [
      'under another name',
      () => someSync({ dest: [{ aws: { granularity: 'key', name: 'moved' } }] }, { generation: 2 }),
    ],
    ['as copies of whole secrets', () => someSync({ dest: [{ aws: { name: 'whole' } }] }, { generation: 2 })],
  ])('is not needed to leave a copy that removalPolicy has kept, of a sync that goes on %s', async (_how, moved) => {
    const world = await keysInSync();
    await world.reconcile(moved());
    world.ledger.lose();
    world.vault.put('app/db', { user: 'ada' });

    await world.reconcile(moved());

    expect(Object.keys(world.aws.values())).toEqual(expect.arrayContaining(['app/db/password', 'app/db/user']));
  });

  test('says nothing of a copy that removalPolicy has kept: it does not go with its key later', async () => {
    const world = await keysInSync();
    const moved = someSync({ dest: [{ aws: { granularity: 'key', name: 'moved' } }] }, { generation: 2 });
    await world.reconcile(moved);
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', moved);

    expect(Object.keys(world.aws.values()).sort()).toEqual(['app/db/password', 'app/db/user', 'moved/user']);
  });
});
