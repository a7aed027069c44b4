import { describe, expect, test } from '@jest/globals';
import { compilePolicies } from '../../src/sync/policies.ts';
import { FakeWorld, worldWithChange } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const copyInAws = 'aws:eu-west-1:/app/db';

describe('what may not be named or done', () => {
  test('a name that the store lacks is refused, and the other destinations go on', async () => {
    const world = await worldWithChange(sync);
    const bad = someSync({ dest: [{ aws: {} }, { azure: { vaultName: 'team-a', name: 'bad-$x' } }] });

    await world.follow('app/db', bad);

    expect(world.results.map(({ store, change, reason }) => [store, change, reason])).toEqual([
      ['azure', 'failed', 'NameInvalid'],
      ['aws', 'updated', ''],
    ]);
  });

  test('what no policy allows is refused, and no store is asked', async () => {
    const world = await worldWithChange(sync);
    world.allows = compilePolicies([]);

    await world.follow('app/db', sync);

    expect(world.vault.reads).toBe(0);
    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ reason }) => reason)).toEqual(Array(3).fill('PolicyDenied'));
  });

  test('a refusal ends with the next full reconcile after a policy allows it', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const { allows } = world;
    world.allows = compilePolicies([]);
    await world.reconcile(sync);
    world.clock.now += 1;
    world.allows = allows;

    await world.reconcile(sync);

    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced', 'synced', 'synced']);
  });

  test('a destination that could not be opened is tried again alone, and its complaint ends', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const target = world.target.bind(world);
    world.target = () => Promise.reject(new Error('no such file'));
    const [refused] = (await world.follow('app/db', someSync())).results;
    world.target = target;

    await world.follow('app/db', someSync(), { only: refused?.copy ?? '', verify: true });

    expect(refused).toMatchObject({ change: 'failed', reason: 'InternalError', retry: { countsAsAttempt: true } });
    expect([...world.ledger.entries].map(([id, { state }]) => [id, state])).toEqual([[copyInAws, 'synced']]);
  });

  test('the complaint about a destination that could not be opened for a while ends for a copy that was there before', async () => {
    const world = await worldWithChange(sync);
    const target = world.target.bind(world);
    world.target = () => Promise.reject(new Error('no such file'));
    const [refused] = (await world.follow('app/db', someSync())).results;
    world.target = target;

    await world.follow('app/db', someSync(), { only: refused?.copy ?? '', verify: true });

    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced', 'synced', 'synced']);
  });

  test('a refusal of what is not selected any more is forgotten', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    world.vault.put('app/web', { user: 'ada' });
    world.allows = compilePolicies([]);
    await world.reconcile(someSync({ removalPolicy: 'Delete' }));
    world.clock.now += 1;

    await world.reconcile(someSync({ path: 'secret/app/web', removalPolicy: 'Delete' }, { generation: 2 }));

    expect([...world.ledger.entries.values()].map(({ source }) => source)).toEqual(['["main","","secret","app/web"]']);
  });

  test('the retry of one copy repeats no complaint of another', async () => {
    const world = await worldWithChange(sync);
    const bad = someSync({ dest: [{ aws: {} }, { azure: { vaultName: 'team-a', name: 'bad-$x' } }] });

    const { results } = await world.follow('app/db', bad, { only: copyInAws });

    expect(results.map(({ store }) => store)).toEqual(['aws']);
  });
});
