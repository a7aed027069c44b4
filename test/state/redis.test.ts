import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { accessRules } from '../../src/state/redis/access.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { describeState } from './conformance.ts';
import { redisState, redisWebhookState } from './redis-world.ts';

const prefix = 'vss';

/** With the rights that we tell people to give, so that the suite also shows that they suffice. */
describe('the state in Redis, as two users with the least rights', () => {
  let redis: RedisPeer;
  let admin: Redis;
  beforeAll(async () => {
    const rules = accessRules(prefix);
    redis = await startRedis({
      users: [
        'user default on nopass ~* &* +@all',
        `user webhook on >hook ${rules.webhook}`,
        `user operator on >oper ${rules.operator}`,
      ],
    });
    admin = new Redis(redis.port);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  describeState(async () => {
    await admin.flushall();
    const state = redisState({ url: `redis://operator:oper@127.0.0.1:${redis.port}`, prefix });
    const webhook = redisWebhookState({ url: `redis://webhook:hook@127.0.0.1:${redis.port}`, prefix });
    return {
      state,
      webhook,
      async close() {
        await webhook.close();
        await state.close();
      },
    };
  });

  test('and nothing that was tried was refused', async () => {
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
  });
});
