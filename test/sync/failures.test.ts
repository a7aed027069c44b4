import { describe, expect, jest, test } from '@jest/globals';
import { type Remedy, SyncError } from '../../src/errors.ts';
import { compilePolicies } from '../../src/sync/policies.ts';
import { answerLost } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const copyInAws = 'aws:eu-west-1:/app/db';

async function settledWorld(): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  await world.follow('app/db', sync);
  world.clock.now += 1_000;
  world.vault.put('app/db', { user: 'eve' });
  world.quiet();
  return world;
}

function failureWith(remedy: Remedy, retryAfterMs?: number): SyncError {
  return new SyncError({ remedy, reason: 'Why', message: 'because', ...(retryAfterMs ? { retryAfterMs } : {}) });
}

describe('failure stays where it is', () => {
  test('one failing destination neither stops nor repeats the others', async () => {
    const world = await settledWorld();
    world.azure.failing.set('write', failureWith('Retry'));

    await world.follow('app/db', sync);
    const retried = await world.follow('app/db', sync, { only: 'azure:team-a/app/db', verify: true });

    expect(world.aws.calls).toEqual(['write app/db']);
    expect(world.gcp.calls).toEqual(['write app/db']);
    expect(retried.results.map(({ destination }) => destination)).toEqual(['azure:team-a']);
  });

  test('a store that does not answer in time is parked, and the others do not wait for it', async () => {
    const world = await settledWorld();
    world.azure.hangs = true;
    const order: string[] = [];
    const onCopy = world.onCopy.bind(world);
    world.onCopy = (result) => {
      order.push(result.destination);
      onCopy(result);
    };

    const { outcome, results } = await world.follow('app/db', sync);

    expect(outcome).toBe('done');
    expect(order).toEqual(['aws:eu-west-1:', 'gcp:team-a', 'azure:team-a']);
    expect(results.find(({ store }) => store === 'azure')).toMatchObject({
      change: 'failed',
      reason: 'StoreTimeout',
      message: 'azure:team-a/app/db: the store did not answer within 0.05 s',
      retry: { afterMs: null, countsAsAttempt: true },
    });
    expect(world.leases.held.size).toBe(0);
  });

  test('a store gets five seconds where nothing else is said', async () => {
    const world = await settledWorld();
    delete world.storeTimeLimitMs;
    const timeout = jest.spyOn(AbortSignal, 'timeout');

    await world.follow('app/db', someSync());

    expect(timeout.mock.calls).toEqual([[5_000]]);
    timeout.mockRestore();
  });

  test('the next event for a parked copy looks at the store before it writes', async () => {
    const world = await settledWorld();
    world.aws.failing.set('write', answerLost());
    await world.follow('app/db', someSync());
    world.aws.failing.clear();
    world.quiet();

    await world.follow('app/db', someSync());

    expect(world.aws.calls).toEqual(['describe app/db', 'write app/db']);
  });

  test('a write whose answer was lost is seen at the next look, and not written twice', async () => {
    const world = await settledWorld();
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.quiet();

    await world.follow('app/db', someSync(), { only: copyInAws, verify: true });

    expect(world.aws.calls).toEqual(['describe app/db']);
    expect(world.results).toMatchObject([{ change: 'unchanged' }]);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({ state: 'synced', version: 2 });
  });

  test('a write whose answer was lost is undone when Vault flips back meanwhile', async () => {
    const world = await settledWorld();
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', someSync());

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"ada"}');
  });

  test('after a write whose answer was lost no older reading is written', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', someSync());
    const older = world.vault.answer('app/db');
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'eve' });
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.vault.lagging = older;

    const { outcome } = await world.follow('app/db', someSync(), { only: copyInAws, verify: true });

    expect(outcome).toBe('later');
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test.each<[Remedy, number | undefined, object | null]>([
    ['Retry', undefined, { afterMs: null, countsAsAttempt: true }],
    ['Retry', 7_000, { afterMs: 7_000, countsAsAttempt: true }],
    ['PendingDeletion', undefined, { afterMs: null, countsAsAttempt: true }],
    ['SlowRetry', undefined, { afterMs: 300_000, countsAsAttempt: true }],
    ['RateLimited', 9_000, { afterMs: 9_000, countsAsAttempt: false }],
    ['SourceUnavailable', undefined, { afterMs: null, countsAsAttempt: true }],
    ['FixSpec', undefined, null],
    ['Conflict', undefined, null],
  ])('%s (after %s ms) is retried as its remedy says', async (remedy, afterMs, retry) => {
    const world = await settledWorld();
    world.aws.failing.set('write', failureWith(remedy, afterMs));

    await world.follow('app/db', someSync());

    expect(world.results).toMatchObject([{ reason: 'Why', message: 'because', retry }]);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({
      state: remedy === 'Conflict' ? 'conflict' : 'failed',
      stalled: retry === null,
    });
  });

  test('what is no error of ours is a bug: retried, and its words go nowhere', async () => {
    const world = await settledWorld();
    world.aws.failing.set('write', new TypeError('cannot read hunter2'));

    await world.follow('app/db', someSync());

    expect(world.results).toMatchObject([{ reason: 'InternalError', retry: { countsAsAttempt: true } }]);
    expect(world.results[0]?.message).toContain('unexpected TypeError');
    expect(JSON.stringify([world.results, [...world.ledger.entries]])).not.toContain('hunter2');
  });

  test('what the store would refuse is refused before any call', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { big: 'x'.repeat(2_000) });

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ reason, retry }) => [reason, retry])).toEqual(Array(3).fill(['ValueTooLarge', null]));
  });

  test("a failing ledger is the job's failure, and the leases are let go only when every copy has settled", async () => {
    const world = await settledWorld();
    world.ledger.failing = new Error('Redis is away');
    let heldDuringSlowWrite = 0;
    world.gcp.duringWrite = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      heldDuringSlowWrite = world.leases.held.size;
    };

    await expect(world.follow('app/db', sync)).rejects.toThrow('Redis is away');

    expect(heldDuringSlowWrite).toBe(3);
    expect(world.leases.held.size).toBe(0);
  });
});

describe('what may not be named or done', () => {
  test('a name that the store lacks is refused, and the other destinations go on', async () => {
    const world = await settledWorld();
    const bad = someSync({ dest: [{ aws: {} }, { azure: { vaultName: 'team-a', name: 'bad-$x' } }] });

    await world.follow('app/db', bad);

    expect(world.results.map(({ store, change, reason }) => [store, change, reason])).toEqual([
      ['azure', 'failed', 'NameInvalid'],
      ['aws', 'updated', ''],
    ]);
  });

  test('what no policy allows is refused, and no store is asked', async () => {
    const world = await settledWorld();
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

  test('the retry of one copy repeats no complaint of another', async () => {
    const world = await settledWorld();
    const bad = someSync({ dest: [{ aws: {} }, { azure: { vaultName: 'team-a', name: 'bad-$x' } }] });

    const { results } = await world.follow('app/db', bad, { only: copyInAws });

    expect(results.map(({ store }) => store)).toEqual(['aws']);
  });
});

describe('writes that are held back', () => {
  test('paused writes stop every change, and say so', async () => {
    const world = await settledWorld();
    world.paused = true;

    await world.follow('app/db', sync);
    world.vault.delete('app/db');
    await world.follow('app/db', sync);

    expect(world.stores.flatMap((store) => store.callsOf('write', 'remove'))).toEqual([]);
    expect(world.results.map(({ change, planned }) => `${change} ${planned}`)).toEqual([
      ...Array(3).fill('paused updated'),
      ...Array(3).fill('paused deleted'),
    ]);
    expect(world.results[0]?.message).toContain('`writes: paused`');
    expect(world.places).toEqual([]);
  });

  test('what was paused is done once writes are enabled', async () => {
    const world = await settledWorld();
    world.paused = true;
    await world.follow('app/db', sync);
    world.paused = false;

    await world.follow('app/db', sync);

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('a dry run reads and plans, and writes nothing', async () => {
    const world = await settledWorld();
    const dry = someSync({ dest: everywhere, dryRun: true });

    await world.follow('app/db', dry);
    world.vault.delete('app/db');
    await world.follow('app/db', dry);

    expect(world.stores.flatMap((store) => store.callsOf('write', 'remove'))).toEqual([]);
    expect(world.results.map(({ change, planned }) => `${change} ${planned}`)).toEqual([
      ...Array(3).fill('dryRun updated'),
      ...Array(3).fill('dryRun deleted'),
    ]);
    expect(world.places).toEqual([]);
  });

  test('a dry run of what is in sync already says unchanged', async () => {
    const world = await settledWorld();
    await world.follow('app/db', sync);
    world.quiet();

    await world.follow('app/db', someSync({ dest: everywhere, dryRun: true }), { verify: true });

    expect(world.results.map(({ change }) => change)).toEqual(['unchanged', 'unchanged', 'unchanged']);
  });
});

describe('runs that must give up', () => {
  test('a run of an older manifest leaves the copy to the newer one', async () => {
    const world = await settledWorld();
    await world.follow('app/db', someSync({ dest: everywhere }, { generation: 3 }));
    world.vault.put('app/db', { user: 'old run' });
    world.quiet();

    const { outcome, results } = await world.follow('app/db', someSync({ dest: everywhere }, { generation: 2 }));

    expect([outcome, results]).toEqual(['done', []]);
    expect(world.calls()).toEqual([]);
  });

  test('busy copies are come back to', async () => {
    const world = await settledWorld();
    world.leases.held.set(copyInAws, new AbortController());
    world.leases.impatient = true;

    const outcome = await world.follow('app/db', sync);

    expect(outcome).toMatchObject({ outcome: 'later', afterMs: 500, reason: 'CopyBusy' });
    expect(world.vault.reads).toBe(0);
    expect(world.calls()).toEqual([]);
  });

  test('Vault is read while the leases are held', async () => {
    const world = await settledWorld();
    let held: string[] = [];
    world.vault.duringRead = () => {
      held = [...world.leases.held.keys()];
    };

    await world.follow('app/db', sync);

    expect(held).toEqual([copyInAws, 'azure:team-a/app/db', 'gcp:team-a/app/db']);
    expect(world.leases.held.size).toBe(0);
  });

  test('after a lost lease no further write starts', async () => {
    const world = await settledWorld();
    world.vault.duringRead = () => world.leases.loseAll();

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ reason, retry }) => [reason, retry])).toEqual(
      Array(3).fill(['Interrupted', { afterMs: 0, countsAsAttempt: false }]),
    );
  });

  test('after a lost lease no second write is tried where the first was contradicted', async () => {
    const world = await settledWorld();
    const { owner } = world.resolve(sync);
    world.aws.duringWrite = () => {
      world.aws.place('app/db', { owner, versionId: 'newer', value: 'newer' });
      world.leases.loseAll();
    };

    await world.follow('app/db', someSync());

    expect(world.aws.callsOf('write')).toHaveLength(1);
    expect(world.aws.copies.get('app/db')?.value).toBe('newer');
  });

  test('a write that outlived its lease is looked at again: another may have written since', async () => {
    const world = await settledWorld();
    world.aws.duringWrite = () => world.leases.loseAll();

    await world.follow('app/db', someSync());

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
    expect(world.results).toMatchObject([{ change: 'failed', reason: 'Interrupted', retry: { afterMs: 0 } }]);
    expect(world.ledger.entries.get(copyInAws)?.state).toBe('failed');
  });

  test('a process that stops starts no further write', async () => {
    const world = await settledWorld();
    const stopping = new AbortController();
    world.vault.duringRead = () => stopping.abort();

    await world.follow('app/db', sync, { signal: stopping.signal });

    expect(world.calls()).toEqual([]);
  });
});
