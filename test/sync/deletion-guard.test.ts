import { describe, expect, test } from '@jest/globals';
import { fixSpec } from '../../src/errors.ts';
import { deletionLimit } from '../../src/sync/deletion-guard.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { all, deleteByEvents, deleteSecrets, nameOf, statesIn, worldOf } from './deletion-world.ts';
import { answerLost } from './fake-store.ts';
import { someSync } from './some-sync.ts';

const minute = 60_000;

describe('deletionLimit', () => {
  test.each<[number | string | undefined, number, number]>([
    [undefined, 0, 10],
    [undefined, 40, 10],
    [undefined, 41, 11],
    [undefined, 1_000, 250],
    [3, 1_000, 3],
    [0, 1_000, 0],
    ['25%', 100, 25],
    ['25%', 10, 3],
    ['1%', 10, 1],
    ['0%', 1_000, 0],
    ['100%', 1_000, 1_000],
  ])('maxDeletions: %s of %s copies is %s', (maxDeletions, copies, limit) => {
    expect(deletionLimit(maxDeletions, copies)).toBe(limit);
  });
});

describe('deletions that events ask for', () => {
  test.each<[number | string | undefined, number]>([
    [undefined, 10],
    [2, 2],
    ['50%', 6],
    [0, 0],
    ['100%', 12],
  ])('go as long as maxDeletions: %s allows: %s of 12', async (maxDeletions, gone) => {
    const sync = someSync({ ...all, ...(maxDeletions === undefined ? {} : { maxDeletions }) });
    const world = await worldOf(12, sync);

    await deleteByEvents(world, { from: 0, to: 12, sync });

    expect(world.aws.copies.size).toBe(12 - gone);
    expect([statesIn(world).deleted ?? 0, statesIn(world).guarded ?? 0]).toEqual([gone, 12 - gone]);
  });

  test('beyond that are stopped, and it is said what would let them go', async () => {
    const world = await worldOf(11);

    await deleteByEvents(world, { from: 0, to: 11 });

    expect(world.results.at(-1)).toMatchObject({
      change: 'guarded',
      planned: 'deleted',
      reason: 'DeletionGuard',
      retry: null,
      name: 'app/10',
    });
    expect(world.results.at(-1)?.message).toContain('the annotation deletions.vaultsecretsync.dev/release');
    const [, record] = [...world.ledger.entries].at(-1)!;
    expect(record).toMatchObject({ state: 'guarded', stalled: true, unwell: true, reason: 'DeletionGuard' });
    expect(record.goneSince).toBe(world.clock.now);
  });

  test('are counted over the last 10 minutes', async () => {
    const world = await worldOf(40);
    await deleteByEvents(world, { from: 0, to: 5 });
    world.clock.now += 5 * minute;
    await deleteByEvents(world, { from: 5, to: 10 });
    world.clock.now += 5 * minute;

    await deleteByEvents(world, { from: 10, to: 16 });

    expect(statesIn(world)).toMatchObject({ deleted: 15, guarded: 1 });
  });

  test('count once each, however often they are tried', async () => {
    const sync = someSync({ ...all, maxDeletions: 1 });
    const world = await worldOf(2, sync);
    world.aws.failing.set('remove', answerLost());
    await deleteByEvents(world, { from: 0, to: 1, sync });
    await world.follow(nameOf(0), sync, { only: `aws:eu-west-1:/${nameOf(0)}`, verify: true });
    world.aws.failing.clear();

    await world.follow(nameOf(0), sync, { only: `aws:eu-west-1:/${nameOf(0)}`, verify: true });

    expect([...world.aws.copies.keys()]).toEqual([nameOf(1)]);
  });

  test('of one sync are nothing to another', async () => {
    const world = await worldOf(10);
    const other = someSync({ ...all, dest: [{ azure: { vaultName: 'team-a' } }] }, { name: 'other' });
    await world.reconcile(other);
    deleteSecrets(world, 0, 10);

    for (let index = 0; index < 10; index++) await world.follow(nameOf(index), [someSync(all), other]);

    expect([world.aws.copies.size, world.azure.copies.size]).toEqual([0, 0]);
  });

  test('go one by one when somebody has released them', async () => {
    const sync = someSync({ ...all, maxDeletions: 0 });
    const world = await worldOf(2, sync);
    deleteSecrets(world, 0, 2);
    const released = new Set([`aws:eu-west-1:/${nameOf(1)}`]);

    for (const index of [0, 1]) await world.follow(nameOf(index), sync, { released });

    expect([...world.aws.copies.keys()]).toEqual([nameOf(0)]);
  });
});

describe('deletions of a full reconcile', () => {
  test('go all together where they are few enough', async () => {
    const world = await worldOf(20);
    deleteSecrets(world, 0, 10);

    await world.reconcile(someSync(all));

    expect(statesIn(world)).toEqual({ synced: 10, deleted: 10 });
    expect(world.aws.copies.size).toBe(10);
  });

  test('are all stopped where they are too many', async () => {
    const world = await worldOf(20);
    deleteSecrets(world, 0, 11);

    const { results } = await world.reconcile(someSync(all));

    expect(world.aws.callsOf('remove')).toEqual([]);
    expect(statesIn(world)).toEqual({ synced: 9, guarded: 11 });
    expect(results.filter(({ change }) => change === 'guarded')).toHaveLength(11);
    expect(results).toHaveLength(20);
  });

  test('count with those that events asked for', async () => {
    const world = await worldOf(20);
    await deleteByEvents(world, { from: 0, to: 5 });
    deleteSecrets(world, 5, 11);

    await world.reconcile(someSync(all));

    expect(statesIn(world)).toEqual({ synced: 9, deleted: 5, guarded: 6 });
  });

  test('that were stopped are not counted as done', async () => {
    const world = await worldOf(30);
    deleteSecrets(world, 0, 11);
    await world.reconcile(someSync(all));

    await deleteByEvents(world, { from: 11, to: 21 });

    expect(statesIn(world)).toMatchObject({ deleted: 10, guarded: 11 });
  });

  test('are measured by copies, not by complaints of what could not be named', async () => {
    const sync = someSync({ ...all, maxDeletions: '50%', dest: [{ aws: {} }, { azure: { vaultName: 'team-a' } }] });
    const world = await worldOf(2, someSync(all));
    world.allows = ({ destination }) =>
      destination?.startsWith('azure') ? fixSpec('PolicyDenied', 'not to this place') : null;
    await world.reconcile(sync);
    deleteSecrets(world, 0, 2);

    await world.reconcile(sync);

    expect(world.aws.copies.size).toBe(2);
  });

  test.each([
    ['a dry run', { dryRun: true }, false],
    ['paused writes', {}, true],
  ] as const)('are asked about by %s as well, and not counted', async (_title, wishes, paused) => {
    const world = await worldOf(20);
    deleteSecrets(world, 0, 10);
    world.paused = paused;
    await world.reconcile(someSync({ ...all, ...wishes }));
    world.paused = false;

    await deleteByEvents(world, { from: 10, to: 20 });

    expect(world.aws.copies.size).toBe(10);
  });

  test.each([
    [10, 'deleted'],
    [11, 'guarded'],
  ])('of %s copies are planned by a dry run as %s, without any of it', async (count, planned) => {
    const world = await worldOf(20);
    deleteSecrets(world, 0, count);

    const { results } = await world.reconcile(someSync({ ...all, dryRun: true }));

    const due = results.filter(({ change }) => change === 'dryRun');
    expect(due.map((result) => result.planned)).toEqual(Array(count).fill(planned));
    expect(world.aws.copies.size).toBe(20);
    expect(statesIn(world).guarded).toBeUndefined();
  });
});

describe('copies of a sync that goes away', () => {
  test('are not asked about: somebody deleted the resource on purpose', async () => {
    const sync = someSync({ ...all, maxDeletions: 0 }, { deleting: true });
    const world = await worldOf(20, someSync({ ...all, maxDeletions: 0 }));

    await removeCopies({ world, sync, signal: new AbortController().signal });

    expect(world.aws.copies.size).toBe(0);
  });
});
