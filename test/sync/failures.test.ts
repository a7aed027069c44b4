import { describe, expect, jest, test } from '@jest/globals';
import { type Remedy, SyncError } from '../../src/errors.ts';
import { answerLost } from './fake-store.ts';
import { FakeWorld, worldWithChange } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const copyInAws = 'aws:eu-west-1:/app/db';

function failureWith(remedy: Remedy, retryAfterMs?: number): SyncError {
  return new SyncError({ remedy, reason: 'Why', message: 'because', ...(retryAfterMs ? { retryAfterMs } : {}) });
}

describe('failure stays where it is', () => {
  test('one failing destination neither stops nor repeats the others', async () => {
    const world = await worldWithChange(sync);
    world.azure.failing.set('write', failureWith('Retry'));

    await world.follow('app/db', sync);
    const retried = await world.follow('app/db', sync, { only: 'azure:team-a/app/db', verify: true });

    expect(world.aws.calls).toEqual(['write app/db']);
    expect(world.gcp.calls).toEqual(['write app/db']);
    expect(retried.results.map(({ destination }) => destination)).toEqual(['azure:team-a']);
  });

  test('a store that does not answer in time is parked, and the others do not wait for it', async () => {
    const world = await worldWithChange(sync);
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
    const world = await worldWithChange(sync);
    delete world.storeTimeLimitMs;
    const timeout = jest.spyOn(AbortSignal, 'timeout');

    await world.follow('app/db', someSync());

    expect(timeout.mock.calls).toEqual([[5_000]]);
    timeout.mockRestore();
  });

  test('the next event for a parked copy looks at the store before it writes', async () => {
    const world = await worldWithChange(sync);
    world.aws.failing.set('write', answerLost());
    await world.follow('app/db', someSync());
    world.aws.failing.clear();
    world.quiet();

    await world.follow('app/db', someSync());

    expect(world.aws.calls).toEqual(['describe app/db', 'write app/db']);
  });

  test('a write whose answer was lost is seen at the next look, and not written twice', async () => {
    const world = await worldWithChange(sync);
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.quiet();

    await world.follow('app/db', someSync(), { only: copyInAws, verify: true });

    expect(world.aws.calls).toEqual(['describe app/db']);
    expect(world.results).toMatchObject([{ change: 'unchanged' }]);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({ state: 'synced', version: 2 });
  });

  test('a write whose answer was lost is undone when Vault flips back meanwhile', async () => {
    const world = await worldWithChange(sync);
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', someSync());

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"ada"}');
  });

  test('after a write whose answer was lost the write before it proves nothing any more', async () => {
    const world = await worldWithChange(sync);
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', someSync());
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'ada' });
    // A store that shows new versions late, so that it believes what we remember (GCP).
    world.aws.compare = (_desired, _observed, written) => (written ? [] : ['value']);

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
    const world = await worldWithChange(sync);
    world.aws.failing.set('write', failureWith(remedy, afterMs));

    await world.follow('app/db', someSync());

    expect(world.results).toMatchObject([{ reason: 'Why', message: 'because', retry }]);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({
      state: remedy === 'Conflict' ? 'conflict' : 'failed',
      stalled: retry === null,
    });
  });

  test('what is no error of ours is a bug: retried, and its words go nowhere', async () => {
    const world = await worldWithChange(sync);
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
    const world = await worldWithChange(sync);
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
