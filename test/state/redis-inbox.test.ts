import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { WebhookState } from '../../src/state/contract.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, redisWebhookState } from './redis-world.ts';
import { pathJob } from './runs.ts';

describe('many who hand in jobs at once', () => {
  let redis: RedisPeer;
  let admin: Redis;
  let state: WebhookState;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port);
  });
  beforeEach(async () => {
    state = redisWebhookState({ url: redis.url, prefix: freshPrefix() });
    await state.ping();
    await admin.config('RESETSTAT');
  });
  afterEach(() => state.close());
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  const add = (name: string) => state.inbox.add([{ job: pathJob(name), heard: { version: 1, at: 1 } }]);

  test('share the round trips: while one is under way, the others gather, up to 250 of them', async () => {
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => add(`name-${index}`)));

    expect(await state.inbox.pending()).toBe(1_001);
    const calls = await callsOf('evalsha');
    expect(calls).toBeGreaterThanOrEqual(5);
    expect(calls).toBeLessThan(10);
  });

  test('of the same key cause one job between them', async () => {
    await Promise.all(Array.from({ length: 200 }, () => add('name')));

    expect(await state.inbox.pending()).toBe(1);
    expect((await callsOf('eval')) + (await callsOf('evalsha'))).toBeLessThan(8);
  });

  test('are each told when the queue took nothing, and what nobody waits for any longer is not sent', async () => {
    const brief = redisWebhookState({ url: redis.url, prefix: freshPrefix(), deadlineMs: 1500 });
    await eventually(() => brief.ping().then(() => true), { what: 'Redis to answer' });
    const addBriefly = (name: string) => brief.inbox.add([{ job: pathJob(name) }]);

    await redis.pause();
    const adds = await Promise.allSettled(['a', 'b', 'c'].map(addBriefly));
    redis.resume();
    await eventually(() => brief.ping().then(() => true), { what: 'Redis to answer again' });
    const pending = await brief.inbox.pending();
    for (const name of ['a', 'b', 'c']) {
      await eventually(() => addBriefly(name).then(() => true), { what: 'the job to be taken' });
    }
    const pendingThen = await brief.inbox.pending();
    await brief.close();

    expect(adds.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(adds[2]).toMatchObject({ reason: { remedy: 'Retry', reason: 'StateUnavailable' } });
    // The first was sent before the others came, and Redis has found it since.
    expect(pending).toBeLessThanOrEqual(1);
    expect(pendingThen).toBe(3);
  });

  test('are each told when Redis refuses', async () => {
    await admin.config('SET', 'maxmemory', '1');

    const adds = await Promise.allSettled(['a', 'b', 'c'].map(add));
    await admin.config('SET', 'maxmemory', '0');
    await add('d');

    expect(adds.map((settled) => settled.status === 'rejected' && String(settled.reason))).toEqual(
      Array(3).fill(expect.stringContaining('it refused with OOM')),
    );
    expect(await state.inbox.pending()).toBe(1);
  });

  test('are taken all the same when Redis has forgotten our scripts', async () => {
    await add('a');
    await admin.script('FLUSH');

    await add('b');
    await Promise.all([add('c'), state.inbox.add([{ job: pathJob('d'), heard: { version: 1, at: 1 }, delayMs: 1 }])]);

    expect(await state.inbox.pending()).toBe(4);
  });

  test.each(['', ', though Redis has forgotten our scripts'])(
    'have what was heard noted before a job is there that may run%s',
    async (forgotten) => {
      await add('earlier');
      const watching = await admin.monitor();
      const seen: string[] = [];
      watching.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
        if (/^(hset|zadd|lpush)$/i.test(command) && /:(heard:.*|delayed|wait)$/.test(key)) seen.push(key);
      });
      if (forgotten) await admin.script('FLUSH');

      await state.inbox.add([
        { job: pathJob('later'), heard: { version: 1, at: 1 }, delayMs: 60_000 },
        { job: pathJob('now'), heard: { version: 1, at: 1 } },
      ]);
      await eventually(() => seen.length >= 4, { what: 'Redis to tell what it did' });
      watching.disconnect();

      expect(seen.map((key) => key.replace(/^.*?:(jobs:)?/, '').replace(/:.*/, ''))).toEqual([
        'heard',
        'heard',
        'wait',
        'delayed',
      ]);
    },
  );

  test('are not held up by one who hands in thousands', async () => {
    let took = 0;
    const thousands = state.inbox
      .add(Array.from({ length: 5_000 }, (_, index) => ({ job: pathJob(`many-${index}`) })))
      .then(() => {
        took = 1;
      });

    await add('alone');
    const tookBefore = took;
    await thousands;

    expect(tookBefore).toBe(0);
    expect(await state.inbox.pending()).toBe(5_001);
  });

  /** How often Redis was sent a command since the test began. */
  async function callsOf(command: string): Promise<number> {
    const stats = await admin.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }
});
