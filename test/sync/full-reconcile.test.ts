import { describe, expect, test } from '@jest/globals';
import { recallMounts } from '../../src/sync/absence.ts';
import { sourceUnavailable } from './fake-vault.ts';
import { FakeWorld } from './fake-world.ts';
import { awsOnly, everywhere, someSync } from './some-sync.ts';

const pattern = someSync({ path: 'secret/app/.*', dest: everywhere });

async function settledWorld(count = 3): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (let index = 0; index < count; index++) world.vault.put(`app/${index}`, { index });
  await world.reconcile(pattern);
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

describe('a full reconcile', () => {
  test('copies everything that is selected, and nothing else', async () => {
    const world = new FakeWorld();
    for (const name of ['app/one', 'app/two/three', 'other/one', 'app']) world.vault.put(name, { name });

    const { results, unread, later, whole } = await world.reconcile(someSync({ path: 'secret/app/.*' }));

    expect([...world.aws.copies.keys()].sort()).toEqual(['app/one', 'app/two/three']);
    expect(results.map(({ change }) => change)).toEqual(['created', 'created']);
    expect([unread, later, whole]).toEqual([null, [], true]);
  });

  test('of unchanged secrets lists each store once, describes nothing and writes nothing', async () => {
    const world = await settledWorld(40);

    await world.reconcile(pattern);

    const { owner } = world.resolve(pattern);
    expect(world.calls()).toEqual(
      ['aws:eu-west-1:', 'azure:team-a', 'gcp:team-a'].map((scope) => `${scope} list ${owner}`),
    );
    expect(world.results.every(({ change }) => change === 'unchanged')).toBe(true);
  });

  test('of unchanged secrets writes nothing either when the ledger was lost', async () => {
    const world = await settledWorld();
    world.ledger.lose();

    await world.reconcile(pattern);

    expect(world.stores.flatMap((store) => store.callsOf('write', 'describe', 'remove'))).toEqual([]);
  });

  test('of one secret describes its copies', async () => {
    const world = await settledWorld();

    await world.reconcile(someSync({ path: 'secret/app/0', dest: everywhere }));

    expect(world.calls()).toEqual(world.stores.map(({ scope }) => `${scope} describe app/0`));
  });

  test('puts right what was changed by hand in a store', async () => {
    const world = await settledWorld();
    world.aws.place('app/1', { ...world.aws.copies.get('app/1'), versionId: 'by-hand', value: 'by hand' });
    world.azure.copies.delete('app/2');

    await world.reconcile(pattern);

    expect(world.aws.copies.get('app/1')?.value).toBe('{"index":1}');
    expect(world.azure.copies.get('app/2')?.value).toBe('{"index":2}');
    expect(
      world.results
        .map(({ change }) => change)
        .filter((change) => change !== 'unchanged')
        .sort(),
    ).toEqual(['created', 'updated']);
  });

  test('describes each copy where a store does not list', async () => {
    const world = await settledWorld();
    world.aws.failing.set('list', new Error('403'));
    Object.assign(world.azure, { list: undefined });

    await world.reconcile(pattern);

    expect(world.aws.callsOf('describe')).toHaveLength(3);
    expect(world.azure.callsOf('describe')).toHaveLength(3);
    expect(world.gcp.callsOf('describe')).toHaveLength(0);
    expect(world.results.every(({ change }) => change === 'unchanged')).toBe(true);
  });

  test('does not trust a listing with a copy whose last write may have been cut short', async () => {
    const world = await settledWorld(1);
    world.aws.losesNextAnswer = true;
    world.vault.put('app/0', { index: 'new' });
    await world.follow('app/0', pattern);
    world.quiet();

    await world.reconcile(pattern);

    expect(world.aws.callsOf('describe')).toEqual(['describe app/0']);
  });

  test('looks every secret up on its own that no longer shows in the listing', async () => {
    const world = await settledWorld();
    world.vault.delete('app/0');
    world.vault.deleteMetadata('app/1');

    await world.reconcile(pattern);

    expect([...world.aws.copies.keys()]).toEqual(['app/2']);
    // Once to find out, and once more just before each deletion.
    expect(world.vault.reads).toBe(3 + 2 * 3);
  });

  test('an empty listing alone deletes nothing', async () => {
    const world = await settledWorld();
    const { vault } = world;
    vault.list = async function* () {};

    await world.reconcile(pattern);

    expect(world.aws.copies.size).toBe(3);
  });

  test('fails as a whole where Vault does not list, and deletes nothing', async () => {
    const world = await settledWorld();
    world.vault.failing = sourceUnavailable('VaultSealed');

    await expect(world.reconcile(pattern)).rejects.toBe(world.vault.failing);

    expect(world.calls()).toEqual([]);
  });

  test('counts what Vault did not answer, and takes no leftovers away then', async () => {
    const world = await settledWorld();
    const { vault } = world;
    const read = vault.read.bind(vault);
    vault.read = async (place, signal) => {
      if (place.name !== 'app/2') throw sourceUnavailable('VaultUnreachable');
      return read(place, signal);
    };

    const narrower = someSync({ path: 'secret/app/.*', dest: awsOnly, removalPolicy: 'Delete' }, { generation: 2 });
    const { unread, results, whole } = await world.reconcile(narrower);

    expect(unread?.count).toBe(2);
    expect(results.map(({ change }) => change)).toEqual(['unchanged']);
    expect(whole).toBe(false);
    expect(world.azure.copies.size).toBe(3);
  });

  test('gives the secrets to come back to', async () => {
    const world = await settledWorld();
    world.leases.held.set('aws:eu-west-1:/app/1', new AbortController());
    world.leases.impatient = true;

    const { later, results } = await world.reconcile(pattern);

    expect(later).toEqual([{ place: { namespace: '', mount: 'secret', name: 'app/1' }, afterMs: 500 }]);
    expect(results).toHaveLength(6);
  });

  test('remembers the mount once it has gone through it', async () => {
    const world = await settledWorld();

    expect(await recallMounts(world.ledger, 'team-a/db')).toEqual({ secret: 'uuid-1' });
  });

  test('works on at most 16 secrets at once', async () => {
    const world = new FakeWorld();
    for (let index = 0; index < 100; index++) world.vault.put(`app/${index}`, { index });
    let running = 0;
    let most = 0;
    world.vault.duringRead = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };

    await world.reconcile(pattern);

    expect(most).toBe(16);
    expect(world.aws.copies.size).toBe(100);
  });
});
