import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Lease, State } from '../../src/state/contract.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, quick, redisState } from './redis-world.ts';
import { aborted } from './runs.ts';

describe('leases between processes', () => {
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
  beforeEach(() => {
    prefix = freshPrefix();
    one = redisState({ url: redis.url, prefix });
    two = redisState({ url: redis.url, prefix });
  });
  afterEach(() => Promise.all([one.close(), two.close()]));

  test('what one process holds no other gets, however long it is held', async () => {
    const held = await taken(one, ['a', 'b']);

    const refused = await two.leases.acquire(['b', 'c'], { waitMs: quick.leaseMs * 2 });
    const aside = await two.leases.acquire(['c'], { waitMs: 0 });

    expect(refused).toBeNull();
    expect(aside).not.toBeNull();
    expect(held.signal.aborted).toBe(false);
    await held.release();
    expect(await two.leases.acquire(['a', 'b'], { waitMs: 1000 })).not.toBeNull();
  });

  test('what a dead process held is free after the lease’s time', async () => {
    const key = keysOf(prefix).lease('a');
    await admin.set(key, 'somebody who is dead', 'PX', 300);

    const lease = await one.leases.acquire(['a'], { waitMs: 30_000 });

    expect(lease?.signal.aborted).toBe(false);
  });

  test('a holder that is cut off from Redis stops before another can get the lease', async () => {
    const leaseMs = 8_000;
    const cutOff = redisState({ url: redis.url, prefix, leaseMs });
    const held = await taken(cutOff, ['a']);
    const stopped = aborted(held.signal).then(() => performance.now());

    const pausedAt = performance.now();
    await redis.pause();
    const stoppedAt = await stopped;
    redis.resume();
    const next = await eventually(() => two.leases.acquire(['a'], { waitMs: 5000 }), { what: 'another holder' });

    // It was renewed before the pause at the latest, so Redis keeps it at most this long after.
    expect(stoppedAt - pausedAt).toBeLessThan(leaseMs);
    expect(next.signal.aborted).toBe(false);
    await cutOff.close();
  });

  test('who gives up asking while Redis answers holds nothing', async () => {
    const controller = new AbortController();

    const asking = one.leases.acquire(['a'], { waitMs: 1000, signal: controller.signal });
    controller.abort();

    expect(await asking).toBeNull();
    expect(await two.leases.acquire(['a'], { waitMs: 0 })).not.toBeNull();
  });

  test('a holder whose lease Redis has forgotten finds out when it renews', async () => {
    const held = await taken(one, ['a', 'b']);

    await admin.del(keysOf(prefix).lease('b'));
    await aborted(held.signal);

    const next = await two.leases.acquire(['a', 'b'], { waitMs: 1000 });
    expect(next).not.toBeNull();
    await held.release();
    expect(next?.signal.aborted).toBe(false);
  });

  test('a holder finds out at once when the connection comes back and another has the lease', async () => {
    const patient = redisState({ url: redis.url, prefix, leaseMs: 60_000 });
    const held = await taken(patient, ['a']);
    await admin.set(keysOf(prefix).lease('a'), 'another', 'PX', 60_000);

    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    await eventually(() => held.signal.aborted, { what: 'the signal' });
    await patient.close();
  });

  test('a busy holder that asks its signal late is told the truth before any timer', async () => {
    const held = await taken(one, ['a']);

    // No timer can run meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, quick.leaseMs);

    expect(held.signal.aborted).toBe(true);
  });

  async function taken(state: State, keys: string[]): Promise<Lease> {
    const lease = await state.leases.acquire(keys, { waitMs: 30_000 });
    if (lease === null) throw new Error('no lease');
    return lease;
  }
});
