import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { FakeWorld, worldInSync, worldWithChange } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const twoStores = { dest: [{ aws: {} }, { azure: { vaultName: 'team-a' } }], removalPolicy: 'Delete' } as const;
const sync = someSync(twoStores);
const pattern = someSync({ ...twoStores, path: 'secret/app/.*' });
const rate = { perSecond: 10, burst: 10 };
const rates = { read: rate, list: rate, write: rate };

function rateLimited(retryAfterMs?: number): SyncError {
  const after = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new SyncError({ remedy: 'RateLimited', reason: 'Throttled', message: 'slow down', ...after });
}

/** Lets every wait for the budget end soon, and gives the waits that were asked for. */
function shortenWaits(): number[] {
  const asked: number[] = [];
  const { timeout } = AbortSignal;
  jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    asked.push(ms);
    return timeout.call(AbortSignal, Math.min(ms, 50));
  });
  return asked;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a call to a store', () => {
  test('is paid for from the bucket of its place and kind', async () => {
    const world = new FakeWorld();
    world.aws.rates = rates;
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);
    world.vault.delete('app/db');

    await world.follow('app/db', sync);

    expect(world.budgets.taken).toEqual([
      'aws:eu-west-1: read',
      'aws:eu-west-1: write',
      'aws:eu-west-1: read',
      'aws:eu-west-1: write',
    ]);
    expect(world.aws.calls.map((call) => call.split(' ')[0])).toEqual(['describe', 'write', 'describe', 'remove']);
  });

  test.each<[string, (world: FakeWorld) => Promise<unknown>, string[]]>([
    ['a full reconcile', (world) => world.reconcile(pattern), ['list', 'write']],
    ['a removal', remove, ['list', 'read', 'write']],
    [
      'a look for a copy whose source is missing without proof',
      async (world) => {
        world.ledger.lose();
        world.aws.place('app/db', { ...world.aws.copies.get('app/db'), ref: 'team-a/db' });
        world.vault.deleteMetadata('app/db');
        await world.follow('app/db', sync);
      },
      ['read'],
    ],
  ])('gives way to what events ask for when it is part of %s', async (_title, work, kinds) => {
    const world = await worldWithChange(pattern);
    world.aws.rates = rates;

    await work(world);

    expect(world.budgets.taken).toEqual(kinds.map((kind) => `aws:eu-west-1: ${kind} (backfill)`));
  });

  test('is not made once the lease was lost while the budget was waited for', async () => {
    const world = await worldWithChange(sync);
    world.aws.rates = rates;
    world.budgets.take = async () => world.leases.loseAll();

    await world.follow('app/db', someSync());

    expect(world.calls()).toEqual([]);
    expect(world.results).toMatchObject([{ reason: 'Interrupted' }]);
  });
});

describe('a budget that is spent', () => {
  test.each<[string, (world: FakeWorld) => Promise<unknown>, number]>([
    ['an event waits 5 s', (world) => world.follow('app/db', sync), 5_000],
    ['a full reconcile waits a minute', (world) => world.reconcile(sync), 60_000],
  ])('rests the copy, and no other: %s', async (_title, work, waitMs) => {
    const world = await worldWithChange(sync);
    world.aws.rates = rates;
    world.budgets.spent = true;
    const waits = shortenWaits();

    await work(world);

    expect(world.results.find(({ store }) => store === 'aws')).toMatchObject({
      change: 'failed',
      reason: 'BudgetSpent',
      retry: { afterMs: 2_000, countsAsAttempt: false },
    });
    expect(world.results.find(({ store }) => store === 'azure')).toMatchObject({ change: 'updated' });
    expect(world.aws.calls).toEqual([]);
    expect(waits).toContain(waitMs);
  });

  test('does not hold up a process that stops', async () => {
    const world = await worldWithChange(sync);
    world.aws.rates = rates;
    const stopping = new AbortController();
    world.budgets.take = async (_bucket, { signal }) => {
      stopping.abort();
      signal.throwIfAborted();
    };

    await world.follow('app/db', someSync(), { signal: stopping.signal });

    expect(world.results).toMatchObject([{ reason: 'Interrupted' }]);
  });

  test('for listings only costs looks at single copies', async () => {
    const world = await worldInSync(pattern);
    world.aws.rates = rates;
    const take = world.budgets.take.bind(world.budgets);
    world.budgets.take = async (bucket, options) => {
      world.budgets.spent = bucket.endsWith(' list');
      await take(bucket, options);
    };
    shortenWaits();

    await world.reconcile(pattern);

    expect(world.aws.calls).toEqual(['describe app/db']);
    expect(world.results.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
  });
});

describe('a store that says to slow down', () => {
  test.each([[7_000], [undefined]])('slows everybody down, for %s ms if it said so', async (retryAfterMs) => {
    const world = await worldWithChange(sync);
    world.aws.rates = rates;
    world.aws.failing.set('write', rateLimited(retryAfterMs));

    await world.follow('app/db', sync);

    expect(world.budgets.slowed).toEqual([{ bucket: 'aws:eu-west-1: write', retryAfterMs: retryAfterMs ?? null }]);
    expect(world.results.find(({ store }) => store === 'aws')).toMatchObject({
      change: 'failed',
      reason: 'Throttled',
      retry: { afterMs: retryAfterMs ?? null, countsAsAttempt: false },
    });
    expect(world.results.find(({ store }) => store === 'azure')?.change).toBe('updated');
  });

  test('within a listing is heeded too', async () => {
    const world = await worldInSync(pattern);
    world.aws.rates = rates;
    world.aws.failing.set('list', rateLimited(3_000));

    await world.reconcile(pattern);

    expect(world.budgets.slowed).toEqual([{ bucket: 'aws:eu-west-1: list', retryAfterMs: 3_000 }]);
    expect(world.results.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
  });

  test('is obeyed by the copy even where the others cannot be told', async () => {
    const world = await worldWithChange(sync);
    world.aws.rates = rates;
    world.aws.failing.set('write', rateLimited(7_000));
    world.budgets.slowDown = () => Promise.reject(new Error('Redis is away'));

    await world.follow('app/db', someSync());

    expect(world.results).toMatchObject([{ reason: 'Throttled', retry: { afterMs: 7_000 } }]);
  });

  test('without rates of its own slows nobody else down', async () => {
    const world = await worldWithChange(sync);
    world.aws.failing.set('write', rateLimited(7_000));

    await world.follow('app/db', someSync());

    expect([world.budgets.taken, world.budgets.slowed]).toEqual([[], []]);
  });
});

function remove(world: FakeWorld) {
  return removeCopies({ world, sync: { ...pattern, deleting: true }, signal: new AbortController().signal });
}
