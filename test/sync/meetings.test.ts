import { describe, expect, test } from '@jest/globals';
import { sourceUnavailable } from './fake-vault.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

/** Every secret `team-*` leads to one copy. */
const sync = someSync({ path: 'secret/team-*', dest: [{ aws: { name: '{{ .base | trunc 4 }}' } }] });

function worldWith(...names: string[]): FakeWorld {
  const world = new FakeWorld();
  for (const name of names) world.vault.put(name, { of: name });
  return world;
}

function copyIn({ aws }: FakeWorld): unknown {
  return aws.values();
}

function refused({ results }: FakeWorld): string[] {
  return results
    .filter(({ reason }) => reason === 'NameCollision')
    .map(({ source }) => JSON.parse(source)[3])
    .sort();
}

describe('secrets of one sync that meet in one copy', () => {
  test.each([[['team-a', 'team-b', 'team-c']], [['team-c', 'team-a', 'team-b']], [['team-b', 'team-c', 'team-a']]])(
    'are found before anything is written: the first by its source has it, in whatever order Vault lists them: %p',
    async (order) => {
      const world = worldWith(...order);

      await world.reconcile(sync);

      expect(copyIn(world)).toEqual({ team: '{"of":"team-a"}' });
      expect(world.aws.callsOf('write')).toHaveLength(1);
      expect(refused(world)).toEqual(['team-b', 'team-c']);
    },
  );

  test('leave the copy to the one that has it', async () => {
    const world = worldWith('team-b');
    await world.reconcile(sync);
    world.clock.now += 1_000;
    world.vault.put('team-a', { of: 'team-a' });

    await world.follow('team-a', sync);
    await world.reconcile(sync);

    expect(copyIn(world)).toEqual({ team: '{"of":"team-b"}' });
    expect(refused(world)).toEqual(['team-a', 'team-a']);
  });

  test('say which other secret has it, and what to do', async () => {
    const world = worldWith('team-a', 'team-b');

    await world.reconcile(sync);

    expect(world.results.find(({ change }) => change === 'conflict')).toMatchObject({
      message: expect.stringMatching(/already is the copy of secret\/team-a by the same sync.*or naming: Reversible/),
      retry: null,
    });
  });

  test('are met by a name that only looks the same to the store', async () => {
    const world = worldWith('App', 'app');

    await world.reconcile(
      someSync({ source: { paths: ['secret/App', 'secret/app'] }, dest: [{ azure: { vaultName: 'team-a' } }] }),
    );

    expect(world.azure.copies.size).toBe(1);
    expect(refused(world)).toEqual(['app']);
  });

  test.each(['delete', 'deleteMetadata'] as const)(
    'give the copy to the next one after a %s of the one that had it',
    async (end) => {
      const world = worldWith('team-a', 'team-b');
      await world.reconcile(sync);
      world.clock.now += 61_000;
      world.vault[end]('team-a');

      for (let count = 0; count < 2; count++) {
        await world.reconcile(sync);
        world.clock.now += 1_000;
      }

      expect(copyIn(world)).toEqual({ team: '{"of":"team-b"}' });
    },
  );

  test('are no meeting where only one of them is there', async () => {
    const world = worldWith('team-a', 'team-b', 'team-c');
    world.vault.delete('team-a');
    world.vault.destroy('team-b');

    await world.reconcile(sync);

    expect(copyIn(world)).toEqual({ team: '{"of":"team-c"}' });
    expect(refused(world)).toEqual([]);
  });

  test('wait where Vault does not tell whether the first is there', async () => {
    const world = worldWith('team-a', 'team-b');
    const read = world.vault.read.bind(world.vault);
    world.vault.read = async (place, signal) => {
      if (place.name === 'team-a') throw sourceUnavailable('VaultSealed');
      return read(place, signal);
    };

    await world.reconcile(sync);

    expect(copyIn(world)).toEqual({});
    expect(refused(world)).toEqual(['team-b']);
  });

  test('are told apart after an edit, and each has its own copy', async () => {
    const world = worldWith('team-a', 'team-b');
    await world.reconcile(sync);
    world.clock.now += 1_000;

    await world.reconcile(someSync({ path: 'secret/team-*', dest: [{ aws: { name: 'copy-$1' } }] }, { generation: 2 }));

    expect(world.aws.values()).toMatchObject({ 'copy-a': '{"of":"team-a"}', 'copy-b': '{"of":"team-b"}' });
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced', 'synced']);
  });
});
