import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { SyncError } from '../../src/errors.ts';
import { createLogger } from '../../src/logging.ts';
import type { State, WebhookState } from '../../src/state/contract.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisMake, type RedisOptions, type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, openPair, type Pair } from './redis-world.ts';
import { done, pathJob, Runs } from './runs.ts';

let redis: RedisPeer;
let admin: Redis;
let state: State;
let webhook: WebhookState;
let losses: Pair['losses'];
let pair: Pair;
let logged: string[];

async function start(options: RedisOptions = {}): Promise<void> {
  redis = await startRedis(options);
  admin = redis.admin({ maxRetriesPerRequest: null });
  admin.on('error', () => undefined);
  logged = [];
  const log = createLogger({ level: 'warn', destination: { write: (line: string) => void logged.push(line) } });
  pair = await openPair({ url: redis.url, prefix: freshPrefix(), lookEveryMs: 100, log }, { asLeastUsers: false });
  ({ state, webhook, losses } = pair);
  // Until the first look is over there is nothing to compare with.
  const marks = () => admin.keys('*:history');
  await eventually(async () => (await marks()).length > 0, { what: 'the first look' });
  await Promise.all([state.ping(), webhook.ping()]);
}

afterEach(async () => {
  admin.disconnect();
  await pair.close();
  await redis.stop();
});

/** What Redis says of itself, over a connection of its own. */
async function infoOf(server: RedisPeer): Promise<string> {
  const client = server.admin({ enableReadyCheck: false, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    return await client.info();
  } finally {
    client.disconnect();
  }
}
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('Redis may have lost what it took, and says nothing of it:', () => {
  test.each<RedisOptions>([
    { make: 'Redis', appendOnly: true },
    { make: 'Redis', appendOnly: false },
    { make: 'Valkey', appendOnly: true },
    { make: 'Valkey', appendOnly: false },
  ])('it restarted (%j)', async (options) => {
    await start(options);

    await redis.restart();
    await pair.untilBothLearnt();

    const loss = options.appendOnly ? 'another server' : 'emptied';
    expect(losses).toEqual({ operator: [loss], webhook: [loss] });
  });

  test.each<RedisMake>(['Redis', 'Valkey'])('it was emptied (%s)', async (make) => {
    await start({ make });

    await admin.flushall();
    await pair.untilBothLearnt();

    expect(losses).toEqual({ operator: ['emptied'], webhook: ['emptied'] });
  });

  test('it evicts keys; that it may was said, and can be seen', async () => {
    await start({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-random'] });
    await eventually(() => state.watch.mayEvict() && webhook.watch.mayEvict(), { what: 'the policy to be seen' });

    for (let index = 0; index < 60; index += 1) await admin.set(`ballast ${index}`, 'x'.repeat(100_000));
    await pair.untilBothLearnt();

    expect(['emptied', 'evicted']).toContain(losses.operator[0]);
    expect(logged.join('')).toMatch(/set maxmemory-policy noeviction/);
  });

  test('the connection breaks and comes back: nothing is lost, and nothing is said', async () => {
    await start();

    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to be back' });
    await state.jobs.add([{ job: pathJob('a') }]);
    const looks = () => admin.info('commandstats').then((info) => Number(/cmdstat_info:calls=(\d+)/.exec(info)?.[1]));
    const before = await looks();
    await eventually(async () => (await looks()) > before + 10, { what: 'some looks' });

    expect(losses).toEqual({ operator: [], webhook: [] });
    expect(state.watch.mayEvict()).toBe(false);
  });
});

describe('Redis is full and evicts nothing:', () => {
  test('what cannot be taken is refused by name, and taken once there is room', async () => {
    await start();
    const runs = new Runs(state, () => done);
    await state.jobs.add([{ job: pathJob('before') }]);
    await runs.until('before', 1);
    await admin.config('SET', 'maxmemory', '1mb');

    const refusals = await Promise.all([
      refusalOf(webhook.inbox.add([{ job: pathJob('a') }])),
      refusalOf(state.ledger.remember('team/a', 'mount', 'x')),
    ]);
    await admin.config('SET', 'maxmemory', '0');
    await webhook.inbox.add([{ job: pathJob('a') }]);

    expect(refusals.map((error) => error instanceof SyncError && error.remedy)).toEqual(['Retry', 'Retry']);
    expect(String(refusals[0])).toMatch(/did not take jobs: it refused with OOM; check its memory/);
    await runs.until('a', 1);
  });
});

describe('Redis reads its data after a restart:', () => {
  test('until it has, nothing is taken, and whoever asks is told so meanwhile; then what it had taken is run', async () => {
    // Slow enough to be seen: microseconds for each command that it reads. It answers after every 1,024 of them.
    await start({ appendOnly: true, args: ['--key-load-delay', '200'] });
    await webhook.inbox.add([{ job: pathJob('before') }]);
    const ballast = admin.pipeline();
    for (let index = 0; index < 30_000; index += 1) ballast.set(`ballast ${index}`, 'x');
    await ballast.exec();

    const restarted = redis.restart();
    await eventually(async () => /^loading:1/m.test(await infoOf(redis)), { what: 'Redis to be loading', every: 5 });
    const refusals = await Promise.all([
      refusalOf(webhook.inbox.add([{ job: pathJob('a') }])),
      refusalOf(state.ledger.remember('team/a', 'mount', 'x')),
    ]);
    const stillLoads = /^loading:1/m.test(await infoOf(redis));
    await restarted;
    await eventually(() => webhook.inbox.add([{ job: pathJob('a') }]).then(() => true), { what: 'it to be taken' });
    const runs = new Runs(state, () => done);

    expect(stillLoads).toBe(true);
    expect(refusals.map((error) => error instanceof SyncError && error.remedy)).toEqual(['Retry', 'Retry']);
    await runs.until('before', 1);
    await runs.until('a', 1);
  });
});

describe('Redis becomes a replica:', () => {
  test('what it refuses is told, and all goes on when it is a primary again', async () => {
    await start();
    const runs = new Runs(state, () => done);
    await admin.call('REPLICAOF', '127.0.0.1', '1');

    const refusal = await refusalOf(webhook.inbox.add([{ job: pathJob('a') }]));
    await admin.call('REPLICAOF', 'NO', 'ONE');
    await eventually(() => webhook.inbox.add([{ job: pathJob('a') }]).then(() => true), { what: 'it to be taken' });

    expect(String(refusal)).toMatch(/READONLY|away or too slow/);
    await runs.until('a', 1);
  });
});

describe('Redis is slow:', () => {
  test('for a moment nothing is taken, and whoever asks is told; then all goes on', async () => {
    await start({ args: ['--enable-debug-command', 'local'] });
    const runs = new Runs(state, () => done);
    const slept = admin.call('DEBUG', 'SLEEP', '5');

    const refusal = await eventually(() => refusalOf(webhook.inbox.add([{ job: pathJob('a') }])), {
      what: 'a refusal',
      every: 1,
    });
    await slept;
    await eventually(() => webhook.inbox.add([{ job: pathJob('b') }]).then(() => true), { what: 'it to be taken' });

    expect(String(refusal)).toMatch(/did not take jobs: it is away or too slow/);
    await runs.until('b', 1);
    expect(losses).toEqual({ operator: [], webhook: [] });
  });
});

describe('the rights of our user:', () => {
  beforeEach(() => start());

  test('are taken away and given back: what is refused is told, and all goes on', async () => {
    const runs = new Runs(state, () => done);
    await admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha');

    const refusal = await refusalOf(webhook.inbox.add([{ job: pathJob('a') }]));
    await admin.call('ACL', 'SETUSER', 'default', '+@all');
    await eventually(() => webhook.inbox.add([{ job: pathJob('a') }]).then(() => true), { what: 'it to be taken' });

    expect(String(refusal)).toMatch(/refused with NOPERM; check its memory, its role and the rights of this user/);
    await runs.until('a', 1);
  });
});
