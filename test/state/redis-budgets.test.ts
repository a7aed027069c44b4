import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { Rate, State } from '../../src/state/contract.ts';
import { Bucket } from '../../src/state/memory/bucket.ts';
import { byToldTime } from '../../src/state/redis/bucket-scripts.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, redisState } from './redis-world.ts';

const never = new AbortController().signal;

describe('budgets that several processes share', () => {
  let redis: RedisPeer;
  let admin: Redis;
  let prefix: string;
  let one: State;
  let two: State;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  beforeEach(async () => {
    prefix = freshPrefix();
    one = redisState({ url: redis.url, prefix });
    two = redisState({ url: redis.url, prefix });
    await Promise.all([one.ping(), two.ping()]);
  });
  afterEach(() => Promise.all([one.close(), two.close()]));

  const take = (state: State, rate: Rate, options: { backfill?: boolean; signal?: AbortSignal } = {}) =>
    state.budgets.take('a', { rate, backfill: options.backfill ?? false, signal: options.signal ?? never });

  /** Milliseconds by Redis' own clock. */
  const redisNow = async () => {
    const [seconds = 0, micros = 0] = (await admin.time()).map(Number);
    return seconds * 1000 + micros / 1000;
  };

  /** How often a bucket was asked. */
  const asked = async () => {
    const stats = await admin.info('commandstats');
    const calls = ['evalsha', 'eval'].map((command) => new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1]);
    return calls.reduce((sum, count) => sum + Number(count ?? 0), 0);
  };

  test('together never get more than the burst and what the rate brings, by the clock of Redis', async () => {
    const rate = { perSecond: 400, burst: 20 };
    const controller = new AbortController();
    let taken = 0;
    const began = await redisNow();
    const takeOn = async (state: State, backfill: boolean) => {
      while (!controller.signal.aborted) {
        await take(state, rate, { backfill, signal: controller.signal });
        taken += 1;
      }
    };

    const takers = [one, two].flatMap((state) => [takeOn(state, true), takeOn(state, false), takeOn(state, false)]);
    await eventually(() => taken > 300, { what: '300 calls' });
    controller.abort();
    await Promise.allSettled(takers);
    const seconds = ((await redisNow()) - began) / 1000;

    expect(taken).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds);
  });

  test('an event of one process is served before the backfill of others', async () => {
    // The first that backfill could have comes after two seconds.
    const rate = { perSecond: 1, burst: 2 };
    const controller = new AbortController();
    const order: string[] = [];
    await Promise.all([take(one, rate), take(two, rate)]);

    const backfills = Array.from({ length: 50 }, () =>
      take(one, rate, { backfill: true, signal: controller.signal }).then(() => order.push('backfill')),
    );
    await take(two, rate).then(() => order.push('event'));
    controller.abort();
    await Promise.allSettled(backfills);

    expect(order).toEqual(['event']);
  });

  test('neither of two processes that want all there is starves', async () => {
    const rate = { perSecond: 50, burst: 1 };
    const controller = new AbortController();
    const taken = [0, 0];
    const takers = [one, two].map(async (state, index) => {
      while (!controller.signal.aborted) {
        await take(state, rate, { signal: controller.signal });
        taken[index] = (taken[index] ?? 0) + 1;
      }
    });

    await eventually(() => Math.min(...taken) >= 5, { what: 'five calls of each' });
    controller.abort();
    await Promise.allSettled(takers);
  });

  test('what one was told by a store holds for the other too', async () => {
    const rate = { perSecond: 1000, burst: 100 };
    await take(two, rate);
    const began = await redisNow();

    await one.budgets.slowDown('a', { rate, retryAfterMs: 150 });
    await take(two, rate);

    expect((await redisNow()) - began).toBeGreaterThan(145);
  });

  test('ten thousand calls in a row need a small part of as many questions', async () => {
    const rate = { perSecond: 100_000, burst: 20_000 };
    const before = await asked();

    for (let count = 0; count < 10_000; count += 1) await take(one, rate, { backfill: count % 2 === 0 });

    expect((await asked()) - before).toBeLessThan(1000);
  });

  test('a thousand that wait at once for a slow bucket ask for all of them together', async () => {
    const rate = { perSecond: 2000, burst: 100 };
    const before = await asked();

    await Promise.all(Array.from({ length: 1000 }, () => take(one, rate)));

    expect((await asked()) - before).toBeLessThan(200);
  });

  test('nothing is taken ahead for one who calls now and then', async () => {
    const rate = { perSecond: 1000, burst: 1000 };
    const key = keysOf(prefix).bucket('a');
    await take(one, rate);
    const began = await redisNow();

    await eventually(async () => (await redisNow()) - began > 100, { what: 'some time to pass' });
    await take(one, rate);

    expect(Number(await admin.hget(key, 'tokens'))).toBe(999);
  });

  test('what is taken ahead is never taken out of the reserve', async () => {
    const rate = { perSecond: 1000, burst: 100 };
    const key = keysOf(prefix).bucket('a');
    const lowest: number[] = [];

    for (let round = 0; round < 40; round += 1) {
      await Promise.all([take(one, rate, { backfill: true }), take(two, rate, { backfill: true })]);
      lowest.push(Number(await admin.hget(key, 'tokens')));
    }

    expect(Math.min(...lowest)).toBeGreaterThanOrEqual(25);
  });

  test('a bucket expires by itself, once it would be full', async () => {
    await take(one, { perSecond: 1, burst: 100 });

    const ttl = await admin.pttl(keysOf(prefix).bucket('a'));

    expect(ttl).toBeGreaterThan(300_000);
    expect(ttl).toBeLessThanOrEqual(400_000);
  });

  test('a Redis that has forgotten everything begins with a full bucket', async () => {
    const rate = { perSecond: 0.001, burst: 3 };
    await Promise.all([take(one, rate), take(one, rate), take(one, rate)]);
    const waiting = take(one, rate);

    await admin.del(keysOf(prefix).bucket('a'));

    await expect(waiting).resolves.toBeUndefined();
  });

  test('the scripts do what the bucket in memory does', async () => {
    const calls = fc.nat(40);
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ events: calls, backfill: calls, ahead: calls, batchMs: fc.constantFrom(0, 20) }),
      },
      { weight: 1, arbitrary: fc.record({ slowDown: fc.constantFrom(0, 0, 1500, 30_000, 4_000_000) }) },
    );
    const later = fc.constantFrom(0, 1, 20, 999, 1000, 60_000, 290_000);
    const rates = fc.record({
      perSecond: fc.oneof(fc.double({ min: 0.01, max: 20_000, noNaN: true }), fc.constantFrom(1, 50)),
      burst: fc.oneof(fc.nat(5), fc.double({ min: 0.5, max: 500, noNaN: true })),
    });
    let story = 0;
    await fc.assert(
      fc.asyncProperty(rates, fc.array(fc.tuple(step, later), { maxLength: 30 }), async (rate, steps) => {
        story += 1;
        const key = keysOf(prefix).bucket(`story ${story}`);
        let now = 1_790_000_000_000;
        const bucket = new Bucket(rate, now);
        for (const [doing, ms] of steps) {
          now += ms;
          if ('slowDown' in doing) {
            bucket.slowDown(rate, doing.slowDown, now);
            await byToldTime.slowDownCalls(admin, [key], [rate.perSecond, rate.burst, doing.slowDown, now]);
          } else {
            const { events, backfill, ahead, batchMs } = doing;
            const args = [rate.perSecond, rate.burst, events, backfill, ahead, batchMs, now];
            const inRedis = await byToldTime.takeCalls(admin, [key], args);
            const inMemory = bucket.take({ rate, ...doing }, now);

            expect(inRedis).toEqual([inMemory.events, inMemory.backfill, inMemory.ahead, inMemory.waitMs]);
          }
        }
      }),
      { seed: 13, numRuns: 200 },
    );
  });

  test('a clock of Redis that is set back costs no more than the time that it was set back by', async () => {
    const key = keysOf(prefix).bucket('a');
    const now = 1_790_000_000_000;
    const yesterday = now - 24 * 3_600_000;
    const ask = async (events: number, time: number) =>
      (await byToldTime.takeCalls(admin, [key], [10, 5, events, 0, 0, 0, time])) as number[];
    const slowDown = (retryAfterMs: number, time: number) =>
      byToldTime.slowDownCalls(admin, [key], [10, 5, retryAfterMs, time]);
    await ask(5, now - 60_000);
    await slowDown(60_000, now - 60_000);

    const [atOnce, , , wait] = await ask(1, yesterday);
    const [later] = await ask(1, yesterday + 60_300);
    await slowDown(0, yesterday + 62_000);
    const [, , , slower] = await ask(1, yesterday + 62_000);

    // What was left of the minute, then a call at half the rate; a quarter after that.
    expect([atOnce, wait, later]).toEqual([0, 60_200, 1]);
    expect(slower).toBeGreaterThan(390);
  });
});
