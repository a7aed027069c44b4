import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import type { State, WebhookState } from '../../src/state/contract.ts';
import { createRedisState, createRedisWebhookState } from '../../src/state/redis/state.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, quick, silent } from './redis-world.ts';
import { aborted, done, pathJob, Runs } from './runs.ts';

const never = new AbortController().signal;
/** Milliseconds by which even a machine that has no time has told; without a deadline a call to a frozen Redis waits for ever. */
const soonMs = 20_000;
const rate = { perSecond: 1, burst: 1 };

/** What a promise comes to, and after how many milliseconds. */
async function failureOf(work: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const began = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, ms: performance.now() - began };
}

describe('while Redis is away', () => {
  let redis: RedisPeer;
  let prefix: string;
  let state: State;
  let webhook: WebhookState;
  beforeEach(async () => {
    redis = await startRedis({ appendOnly: true });
    prefix = freshPrefix();
    state = createRedisState({ ...common(), ...quick });
    webhook = createRedisWebhookState(common());
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to connect' });
  });
  afterEach(async () => {
    await Promise.all([state.close(), webhook.close()]);
    await redis.stop();
  });

  /** With a deadline that is longer than production's: a Redis that has no time for us is not away. */
  const common = () => ({ url: redis.url, prefix, log: silent, deadlineMs: 2000 });

  const everything = (): [string, () => Promise<unknown>][] => [
    ['webhook add', () => webhook.inbox.add([{ job: pathJob('a') }])],
    ['webhook add later', () => webhook.inbox.add([{ job: pathJob('a'), delayMs: 5 }])],
    ['webhook pending', () => webhook.inbox.pending()],
    ['webhook interest', () => webhook.interest.read()],
    ['webhook ping', () => webhook.ping()],
    ['operator add', () => state.jobs.add([{ job: pathJob('a') }])],
    ['operator dead letters', () => state.jobs.deadLetters(10)],
    ['operator count of dead letters', () => state.jobs.countDeadLetters()],
    ['operator replay', () => state.jobs.replay('1')],
    ['operator publish', () => state.interest.publish({ entries: [], kvVersions: {} })],
    ['operator lease', () => state.leases.acquire(['a'], { waitMs: 10_000 })],
    ['operator ledger', () => state.ledger.get(['a'])],
    ['operator counts', () => state.ledger.counts('team/a')],
    ['operator deletions', () => state.deletions.admit('team/a', { copies: ['c'], limit: 1, windowMs: 1000, now: 1 })],
    ['operator deletions count', () => state.deletions.count('team/a', { windowMs: 1000, now: 1 })],
    ['operator take', () => state.budgets.take('a', { rate, backfill: false, signal: never })],
    ['operator slow down', () => state.budgets.slowDown('a', { rate, retryAfterMs: null })],
    ['operator ping', () => state.ping()],
  ];

  test.each(['gone', 'frozen'])('everything fails soon and names the remedy (Redis is %s)', async (how) => {
    if (how === 'gone') await redis.kill();
    else await redis.pause();

    const failures = await Promise.all(
      everything().map(async ([name, ask]) => ({ name, ...(await failureOf(ask())) })),
    );

    redis.resume();
    expect(failures.filter(({ ms }) => ms > soonMs)).toEqual([]);
    expect(failures.filter(({ error }) => !(error instanceof SyncError && error.remedy === 'Retry'))).toEqual([]);
    expect(String(failures[0]?.error)).toMatch(/Redis at 127\.0\.0\.1:\d+ did not take jobs/);
  });

  test('both recover by themselves, and nothing that was taken is lost', async () => {
    const runs = new Runs(state, () => done);
    await runs.consumer.close(0);
    await webhook.inbox.add([{ job: pathJob('taken'), heard: { version: 2, at: 1 } }]);
    const consumer = new Runs(state, () => done);
    await consumer.until('taken', 1);
    await state.jobs.add([{ job: pathJob('later'), delayMs: 300 }]);

    await redis.kill();
    const failure = await failureOf(webhook.inbox.add([{ job: pathJob('refused') }]));
    await redis.restart();
    await eventually(() => webhook.ping().then(() => true), { what: 'the webhook to recover' });
    await webhook.inbox.add([{ job: pathJob('after') }]);
    await Promise.all([consumer.until('later', 1), consumer.until('after', 1)]);

    expect(failure.error).toBeInstanceOf(SyncError);
    expect(consumer.of('refused')).toHaveLength(0);
  });

  test.each(['gone', 'frozen'])(
    'whoever waits for a call is told too, and so is who joins (Redis is %s)',
    async (how) => {
      await state.budgets.take('a', { rate: { perSecond: 0.001, burst: 1 }, backfill: false, signal: never });
      const take = () =>
        state.budgets.take('a', { rate: { perSecond: 0.001, burst: 1 }, backfill: true, signal: never });
      const waiting = failureOf(take());
      await state.ping();

      if (how === 'gone') await redis.kill();
      else await redis.pause();
      const failures = await Promise.all([waiting, failureOf(take())]);

      redis.resume();
      expect(failures.map(({ error }) => error)).toEqual([
        expect.objectContaining({ remedy: 'Retry', reason: 'StateUnavailable' }),
        expect.objectContaining({ remedy: 'Retry', reason: 'StateUnavailable' }),
      ]);
    },
  );

  test('a run that ends meanwhile is over when Redis is back, and its key is free', async () => {
    let finish: () => void = () => undefined;
    // However long a restart takes, the lock outlasts it.
    const patient = createRedisState({ ...common(), ...quick, lockMs: 60_000 });
    const runs = new Runs(patient, (_, nth) =>
      nth > 1 ? done : new Promise((resolve) => (finish = () => resolve(done))),
    );
    await eventually(() => patient.ping().then(() => true), { what: 'it to connect' });
    await patient.jobs.add([{ job: pathJob('a') }]);
    await runs.until('a', 1);

    await redis.kill();
    finish();
    await redis.restart();
    await eventually(() => patient.ping().then(() => true), { what: 'the operator to recover' });
    await runs.untilQuiet();
    const meanwhile = runs.of('a').length;
    await patient.jobs.add([{ job: pathJob('a') }]);
    await runs.until('a', meanwhile + 1);
    await patient.close();

    expect(meanwhile).toBe(1);
  });

  test('a run is told when its lock could not be renewed, before another may take it', async () => {
    const runs = new Runs(state, async ({ signal }, nth) => {
      if (nth === 1) await aborted(signal);
      return done;
    });
    await state.jobs.add([{ job: pathJob('a') }]);
    await runs.until('a', 1);
    const [first] = runs.of('a');

    await redis.pause();
    await eventually(() => first?.signal.aborted, { what: 'the signal' });
    const before = runs.of('a').length;
    redis.resume();
    await runs.until('a', 2);

    expect(before).toBe(1);
  });

  test('a watcher is called after the connection is back: it may have missed a publication', async () => {
    let heard = 0;
    const stop = await webhook.interest.watch(() => {
      heard += 1;
    });
    await eventually(() => heard > 0, { what: 'the watcher to listen' });

    await redis.kill();
    const before = heard;
    await redis.restart();

    await eventually(() => heard > before, { what: 'the watcher to be called' });
    await stop();
  });

  test('a process may start before Redis does', async () => {
    await redis.kill();
    const early = createRedisState({ ...common(), ...quick });
    const runs = new Runs(early, () => done);
    const stop = await early.interest.watch(() => undefined);
    const refused = await failureOf(early.ping());

    await redis.restart();
    await eventually(() => early.ping().then(() => true), { what: 'it to recover' });
    await early.jobs.add([{ job: pathJob('a') }]);
    await runs.until('a', 1);

    expect(refused.ms).toBeLessThan(soonMs);
    expect(refused.error).toBeInstanceOf(SyncError);
    await stop();
    await early.close();
  });

  test('a process may start while Redis is frozen: whoever asks is told', async () => {
    await redis.pause();
    const early = createRedisState({ ...common(), ...quick });

    const { error, ms } = await failureOf(early.ping());

    expect(error).toBeInstanceOf(SyncError);
    expect(ms).toBeLessThan(soonMs);
    await early.close();
    redis.resume();
  });

  test.each(['there', 'gone', 'frozen', 'never there', 'frozen from the start'])(
    'closing takes a moment and leaves nothing open (Redis is %s)',
    async (how) => {
      if (how === 'never there') await redis.kill();
      if (how === 'frozen from the start') await redis.pause();
      const before = openResources();
      const operator = createRedisState({ ...common(), ...quick });
      const exposed = createRedisWebhookState(common());
      const runs = new Runs(operator, () => done);
      await operator.interest.watch(() => undefined);
      if (how !== 'never there' && how !== 'frozen from the start') {
        await operator.jobs.add([{ job: pathJob('a') }]);
        await runs.until('a', 1);
      }
      if (how === 'gone') await redis.kill();
      if (how === 'frozen') await redis.pause();

      const { error, ms } = await failureOf(Promise.all([operator.close(), exposed.close()]));

      expect(error).toBeUndefined();
      expect(ms).toBeLessThan(soonMs);
      await eventually(() => openResources() <= before, { what: 'what is open to be closed' });
      redis.resume();
    },
  );
});

/** Sockets and timers that keep this process alive. */
function openResources(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout').length;
}
