import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type RedisMake, type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { describeState } from './conformance.ts';
import { leastUsers, openBoth } from './redis-world.ts';

const prefix = 'vss';

/** With the rights that we tell people to give, so that the suite also shows that they suffice. */
describe.each<RedisMake>(['Redis', 'Valkey'])('the state in %s, as two users with the least rights', (make) => {
  let redis: RedisPeer;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis({ make, users: leastUsers(prefix) });
    admin = redis.admin();
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  describeState(async () => {
    await admin.flushall();
    return openBoth({ url: redis.url, prefix }, { asLeastUsers: true });
  });

  test('and nothing that was tried was refused', async () => {
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
  });
});
