import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { State } from '../../src/state/contract.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, redisState } from './redis-world.ts';

const start = 1_790_000_000_000;
const windowMs = 600_000;

describe('the deletions that several processes share', () => {
  let redis: RedisPeer;
  let admin: Redis;
  let prefix: string;
  let replicas: State[];
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  beforeEach(() => {
    prefix = freshPrefix();
    replicas = Array.from({ length: 4 }, () => redisState({ url: redis.url, prefix }));
  });
  afterEach(() => Promise.all(replicas.map((state) => state.close())));

  test('never become more than the limit, though all delete at once and their clocks differ', async () => {
    const limit = 50;
    const copies = Array.from({ length: 200 }, (_, index) => `copy ${index}`);

    const admitted = await Promise.all(
      replicas.flatMap(({ deletions }, replica) =>
        copies.map(async (copy, index) => {
          // Every replica asks for every copy, each in another order.
          const mine = copies[(index * 7 + replica * 50) % 200] ?? copy;
          const now = start + replica * 1500;
          return (await deletions.admit('team/a', { copies: [mine], limit, windowMs, now })) ? [mine] : [];
        }),
      ),
    );

    const counts = await Promise.all(
      replicas.map(({ deletions }, replica) => deletions.count('team/a', { windowMs, now: start + replica * 1500 })),
    );
    expect(new Set(admitted.flat()).size).toBe(limit);
    expect(counts).toEqual([limit, limit, limit, limit]);
  });

  test('are known to all, and outlive the process that made them', async () => {
    const [one, two] = replicas;
    await one?.deletions.admit('team/a', { copies: ['c1', 'c2'], limit: 2, windowMs, now: start });
    await one?.close();

    const refused = await two?.deletions.admit('team/a', { copies: ['c3'], limit: 2, windowMs, now: start + 1000 });

    expect(refused).toBe(false);
  });

  test('expire by themselves, and what is older than any window goes before', async () => {
    const [one] = replicas;
    const key = keysOf(prefix).deletionsOf('team/a');
    await one?.deletions.admit('team/a', { copies: ['c1'], limit: 5, windowMs, now: start });

    await one?.deletions.admit('team/a', { copies: ['c2'], limit: 5, windowMs, now: start + windowMs + 60_000 });

    expect(await admin.zrange(key, '0', '-1')).toEqual(['c2']);
    const ttl = await admin.pttl(key);
    expect(ttl).toBeGreaterThan(windowMs);
    expect(ttl).toBeLessThanOrEqual(windowMs + 60_000);
  });

  test('leave nothing in Redis when they were refused', async () => {
    const [one] = replicas;

    await one?.deletions.admit('team/a', { copies: ['c1', 'c2'], limit: 1, windowMs, now: start });

    expect(await admin.keys(`{${prefix}}:operator:*`)).toEqual([]);
  });
});
