import { describe, expect, test } from '@jest/globals';
import { all, deleteSecrets, nameOf, statesIn, worldOf } from './deletion-world.ts';
import { answerLost } from './fake-store.ts';
import { type FakeWorld, worldInSync } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const sync = someSync({ deletionGracePeriod: '1h' });
const copyInAws = 'aws:eu-west-1:/app/db';
const minute = 60_000;
const hour = 60 * minute;

/** A world in which the secret has just been deleted, and its copy waits. */
async function waitingWorld(): Promise<FakeWorld> {
  const world = await worldInSync(sync);
  world.vault.delete('app/db');
  await world.follow('app/db', sync);
  return world;
}

/** The retry of a copy, as its job makes it. */
async function retry(world: FakeWorld, wishes = sync) {
  const { results } = await world.follow('app/db', wishes, { only: copyInAws, verify: true });
  return results[0];
}

describe('deletionGracePeriod', () => {
  test('keeps the copy for that long, and says until when', async () => {
    const world = await waitingWorld();

    expect(world.results).toMatchObject([
      {
        change: 'waiting',
        planned: 'deleted',
        reason: 'DeletionGracePeriod',
        message: 'the source is gone; kept until 2026-01-01T01:01:01.000Z by deletionGracePeriod',
        retry: { afterMs: hour, countsAsAttempt: false },
      },
    ]);
    expect(world.aws.copies.size).toBe(1);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({ state: 'waiting', goneSince: world.clock.now });
  });

  test('counts from the first proof, however often it is looked at', async () => {
    const world = await waitingWorld();
    world.clock.now += 20 * minute;
    await world.reconcile(sync);
    world.clock.now += 20 * minute;

    const result = await retry(world);

    expect(result).toMatchObject({ change: 'waiting', retry: { afterMs: 20 * minute, countsAsAttempt: false } });
  });

  test.each<[string, (world: FakeWorld) => Promise<unknown>]>([
    ['the retry', (world) => retry(world)],
    ['an event', (world) => world.follow('app/db', sync)],
    ['a full reconcile', (world) => world.reconcile(sync)],
  ])('ends with the deletion, by %s', async (_title, look) => {
    const world = await waitingWorld();
    world.clock.now += hour;

    await look(world);

    expect(world.aws.copies.size).toBe(0);
    expect(statesIn(world)).toEqual({ deleted: 1 });
  });

  test('ends with the source that comes back, and begins anew when it goes again', async () => {
    const world = await waitingWorld();
    world.clock.now += 30 * minute;
    world.vault.undelete('app/db');
    await world.follow('app/db', sync);
    const back = statesIn(world);
    world.vault.delete('app/db');
    await world.follow('app/db', sync);
    world.clock.now += 59 * minute;

    const result = await retry(world);

    expect(back).toEqual({ synced: 1 });
    expect(world.aws.callsOf('write')).toEqual([]);
    expect(result).toMatchObject({ change: 'waiting', retry: { afterMs: minute } });
  });

  test.each<[string, (world: FakeWorld) => void]>([
    ['a deletion that fails', ({ aws }) => aws.failing.set('remove', answerLost())],
    ['a store that cannot be looked at', ({ aws }) => aws.failing.set('describe', answerLost())],
    ['paused writes', (world) => (world.paused = true)],
    ['a lost lease', (world) => (world.vault.duringRead = () => world.leases.loseAll())],
  ])('is not begun again by %s', async (_title, change) => {
    const world = await waitingWorld();
    world.clock.now += hour;
    change(world);
    await retry(world);
    world.aws.failing.clear();
    world.paused = false;
    world.vault.duringRead = null;
    world.clock.now += 1_000;

    await retry(world);

    expect(world.aws.copies.size).toBe(0);
  });

  test('is not begun again by a failure before it was over', async () => {
    const world = await waitingWorld();
    world.clock.now += 30 * minute;
    world.aws.failing.set('describe', answerLost());
    await retry(world);
    world.aws.failing.clear();

    const result = await retry(world);

    expect(result).toMatchObject({ change: 'waiting', retry: { afterMs: 30 * minute } });
  });

  test('begins again when the ledger was lost: nobody knows since when', async () => {
    const world = await waitingWorld();
    world.clock.now += 59 * minute;
    world.ledger.entries.clear();

    const result = await retry(world);

    expect(result).toMatchObject({ change: 'waiting', retry: { afterMs: hour } });
  });

  test('is as long as the manifest says now', async () => {
    const world = await waitingWorld();
    world.clock.now += 30 * minute;

    const longer = await retry(world, someSync({ deletionGracePeriod: '2h' }, { generation: 2 }));
    const none = await retry(world, someSync({}, { generation: 3 }));

    expect(longer).toMatchObject({ change: 'waiting', retry: { afterMs: 90 * minute } });
    expect(none?.change).toBe('deleted');
  });

  test('is of no matter where deletionPolicy: Retain keeps the copy anyway', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');

    await world.follow('app/db', someSync({ deletionGracePeriod: '1h', deletionPolicy: 'Retain' }));

    expect(world.results.at(-1)).toMatchObject({ change: 'retained', retry: null });
  });

  test('shows in a dry run as the deletion that is due', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');

    await world.follow('app/db', someSync({ deletionGracePeriod: '1h', dryRun: true }));

    expect(world.results.at(-1)).toMatchObject({ change: 'dryRun', planned: 'deleted', retry: null });
  });

  test('is followed by the guard: what waited for it together is stopped together', async () => {
    const waiting = someSync({ ...all, deletionGracePeriod: '1h' });
    const world = await worldOf(20, waiting);
    deleteSecrets(world, 0, 11);
    await world.reconcile(waiting);
    const before = statesIn(world);
    world.clock.now += hour;

    await world.reconcile(waiting);

    expect(before).toEqual({ synced: 9, waiting: 11 });
    expect(statesIn(world)).toEqual({ synced: 9, guarded: 11 });
    expect(world.aws.copies.has(nameOf(0))).toBe(true);
  });
});
