import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { keysOf } from '../../src/state/redis/keys.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { leastUsers, redisState } from './redis-world.ts';

const prefix = 'vss';

describe('the rights of the webhook’s user', () => {
  let redis: RedisPeer;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis({ users: leastUsers(prefix) });
    admin = new Redis(redis.port);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  const urlFor = (user: string) => `redis://${user}@127.0.0.1:${redis.port}`;

  describe('keep it', () => {
    const keys = keysOf(prefix);

    test.each([
      { name: 'writing the ledger', command: ['HSET', keys.copies, 'copy', '{}'] },
      { name: 'reading the ledger', command: ['HGET', keys.copies, 'copy'] },
      { name: 'taking a lease', command: ['SET', keys.lease('a'), 'me'] },
      { name: 'reading a lease', command: ['GET', keys.lease('a')] },
      { name: 'hiding a deletion', command: ['ZREM', keys.deletionsOf('team/a'), 'copy'] },
      { name: 'noting a deletion', command: ['ZADD', keys.deletionsOf('team/a'), '1', 'copy'] },
      { name: 'seeing what was deleted', command: ['ZRANGE', keys.deletionsOf('team/a'), '0', '-1'] },
      { name: 'filling a bucket', command: ['HSET', keys.bucket('aws:eu-west-1'), 'tokens', '1000000'] },
      { name: 'emptying a bucket', command: ['DEL', keys.bucket('aws:eu-west-1')] },
      {
        name: 'emptying a bucket in a script',
        command: ['EVAL', 'return redis.call("HSET", KEYS[1], "tokens", "0")', '1', keys.bucket('aws:eu-west-1')],
      },
      { name: 'hiding a dead letter', command: ['DEL', keys.letter('a')] },
      { name: 'changing the interest', command: ['HSET', keys.interest, 'document', '{}'] },
      {
        name: 'changing the interest in a script',
        command: ['EVAL', 'return redis.call("HSET", KEYS[1], "a", "b")', '1', keys.interest],
      },
      { name: 'publishing', command: ['PUBLISH', keys.interest, '1'] },
      { name: 'touching another installation', command: ['GET', '{other}:jobs:meta'] },
      { name: 'seeing which keys there are', command: ['KEYS', '*'] },
      { name: 'emptying Redis', command: ['FLUSHALL'] },
      { name: 'giving itself rights', command: ['ACL', 'SETUSER', 'webhook', '+@all'] },
      { name: 'changing how Redis is set up', command: ['CONFIG', 'SET', 'save', ''] },
    ])('from $name', async ({ command: [name = '', ...args] }) => {
      const client = new Redis(urlFor('webhook:hook'), { disableClientInfo: true });

      const answer = await client.call(name, ...args).catch((error: unknown) => error);
      client.disconnect();

      expect(String(answer)).toMatch(/NOPERM|No permissions|ACL failure/i);
    });
  });

  test('a user without any rights is told what was refused, and no password is told', async () => {
    await admin.call(
      'ACL',
      'SETUSER',
      'nobody',
      'on',
      '>hush',
      'resetkeys',
      '-@all',
      '+hello',
      '+auth',
      '+info',
      '+select',
    );
    const state = redisState({ url: urlFor('nobody:hush'), prefix });

    const failure = state.ledger.recall('team/a', 'mount').catch((error: unknown) => error);

    expect(String(await failure)).toMatch(/did not read the ledger.*NOPERM/);
    expect(JSON.stringify(await failure)).not.toContain('hush');
    await state.close();
  });
});
