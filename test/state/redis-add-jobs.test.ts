import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Heard, type Job, jobKey } from '../../src/state/contract.ts';
import { raiseHeard } from '../../src/state/heard.ts';
import { addJobs } from '../../src/state/redis/add-jobs.ts';
import { connect, disconnect, Link } from '../../src/state/redis/connection.ts';
import { idOf, type Keys, keysOf, queueName } from '../../src/state/redis/keys.ts';
import { type JobData, jobOptions, openQueue } from '../../src/state/redis/queue.ts';
import { serverOf } from '../../src/state/redis/server.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisMake, type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, silent } from './redis-world.ts';
import { pathJob } from './runs.ts';

const now = 1_750_000_000_000;
const kinds: Job[] = [
  { kind: 'path', vault: 'main', namespace: 'team/é', mount: 'kv', name: 'a "quoted" \\ name:1' },
  { kind: 'mount', vault: 'main', namespace: '', mount: 'kv/nested' },
  { kind: 'sync', sync: 'team/a' },
  { kind: 'copy', sync: 'team/a', copy: 'aws:eu-west-1:x', source: 'kv/x' },
];
const job = pathJob('a');
const id = idOf(jobKey(job));

/** A queue with a worker that takes a job only when it is told. */
interface Bench {
  readonly link: Link;
  readonly keys: Keys;
  readonly queue: Queue<JobData>;
  readonly worker: Worker<JobData>;
  close(): Promise<void>;
}

/**
 * We run BullMQ's own script, but tell it by our own way what to add. So an upgrade of BullMQ shows here whatever it tells its
 * script otherwise.
 */
describe.each<RedisMake>(['Redis', 'Valkey'])('what jobs that we add in one call leave in %s', (make) => {
  let redis: RedisPeer;
  let admin: Redis;
  let ours: Bench;
  let theirs: Bench;
  beforeAll(async () => {
    redis = await startRedis({ make });
    admin = redis.admin();
  });
  beforeEach(async () => {
    [ours, theirs] = await Promise.all([open(redis), open(redis)]);
  });
  afterEach(() => Promise.all([ours.close(), theirs.close()]));
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  /** Brings both queues to the same state, then adds the same jobs: to one as we do, to the other by BullMQ. */
  const addToBoth = async (prepare: (bench: Bench) => Promise<unknown>, jobs: readonly Job[]) => {
    for (const bench of [ours, theirs]) await prepare(bench);
    const told = jobs.map((added) => ({ id: idOf(jobKey(added)), job: added, heard: null, delayMs: 0 }));
    await addJobs(ours.link.client, told, { ...ours, now });
    for (const added of jobs) await addByBull(theirs, added, 0);
  };

  test.each<{ when: string; given: (bench: Bench) => Promise<unknown> }>([
    { when: 'there is none of the key', given: async () => undefined },
    { when: 'one waits', given: (bench) => addByBull(bench, job, 0) },
    { when: 'one waits out a delay', given: (bench) => addByBull(bench, job, 60_000) },
    {
      when: 'one waits out a delay, and others with it',
      given: async (bench) => {
        await addByBull(bench, pathJob('b'), 60_000);
        await addByBull(bench, job, 60_000);
        await addByBull(bench, pathJob('c'), 30_000);
      },
    },
    { when: 'one runs', given: runOne },
    {
      when: 'one runs and one more run is stored',
      given: async (bench) => {
        await runOne(bench);
        await addByBull(bench, job, 0);
      },
    },
    {
      when: 'one runs and a later run is stored',
      given: async (bench) => {
        await runOne(bench);
        await addByBull(bench, job, 60_000);
      },
    },
    {
      when: 'one ran and is a dead letter',
      given: async (bench) => {
        const run = await runOne(bench);
        await run.moveToFailed(new UnrecoverableError('no'), 'token');
      },
    },
    {
      when: 'the one that held the key is gone',
      given: async (bench) => {
        await addByBull(bench, job, 0);
        await bench.link.client.del(bench.queue.toKey('1'));
      },
    },
    { when: 'the queue is paused', given: ({ queue }) => queue.pause() },
    {
      when: 'Redis has lost how the queue is set up',
      given: ({ link, queue }) => link.client.del(queue.toKey('meta')),
    },
  ])('is what BullMQ leaves: $when', async ({ given }) => {
    await addToBoth(given, [job]);

    expect(await dump(admin, ours)).toEqual(await dump(admin, theirs));
  });

  test('is what BullMQ leaves: of every kind, in order, some of them there already', async () => {
    await addToBoth((bench) => addByBull(bench, kinds[2] ?? job, 0), [...kinds, job, ...kinds]);

    expect(await dump(admin, ours)).toEqual(await dump(admin, theirs));
    expect(await admin.lrange(ours.queue.toKey('wait'), 0, -1)).toHaveLength(5);
  });

  test('is run by BullMQ’s worker', async () => {
    await addToBoth(async () => undefined, [job]);

    const run = await ours.worker.getNextJob('token');

    expect(run).toMatchObject({ name: 'path', data: { job }, deduplicationId: id, timestamp: now });
    expect(run?.opts).toEqual((await theirs.worker.getNextJob('token'))?.opts);
  });
});

describe('what was heard of a key', () => {
  let redis: RedisPeer;
  let bench: Bench;
  beforeAll(async () => {
    redis = await startRedis();
    bench = await open(redis);
  });
  afterAll(async () => {
    await bench.close();
    await redis.stop();
  });

  const add = (name: string, heard: Heard | null, delayMs = 0) => {
    const added = pathJob(name);
    return addJobs(bench.link.client, [{ id: idOf(jobKey(added)), job: added, heard, delayMs }], { ...bench, now });
  };
  const keyOf = (name: string) => bench.keys.heard(idOf(jobKey(pathJob(name))));
  const told: readonly Heard[] = [
    { version: 3, at: 30 },
    { version: null, at: 35 },
    { version: 2, at: 20 },
    { version: 3, at: 28 },
    { version: 7, at: 36, versionAt: 33, lowest: 1 },
    { version: 7, at: 34 },
    { version: 4, at: 10, lowest: 4 },
  ];
  const orders = told.flatMap((_, first) => {
    const turned = [...told.slice(first), ...told.slice(0, first)];
    return [turned, turned.toReversed()];
  });

  test.each(orders.map((order, at) => ({ order, name: `order ${at}` })))(
    'is what comes of it anywhere else, told one after the other: $name',
    async ({ order, name }) => {
      for (const heard of order) await add(name, heard);

      const all = order.reduce<Heard | null>(raiseHeard, null);
      const { at = 0, version = null, versionAt = at, lowest = version } = all ?? {};
      expect(await bench.link.client.hgetall(keyOf(name))).toEqual({
        asked: `${order.length}`,
        ...Object.fromEntries(Object.entries({ version, versionAt, lowest, at }).map(([field, n]) => [field, `${n}`])),
      });
    },
  );

  test('tells how often a run at once was asked for, and is forgotten after seven days', async () => {
    await add('asked', null);
    await add('asked', null, 60_000);
    await add('asked', null);

    expect(await bench.link.client.hgetall(keyOf('asked'))).toEqual({ asked: '2' });
    const kept = await bench.link.client.pttl(keyOf('asked'));
    expect(kept).toBeGreaterThan(7 * 24 * 3_600_000 - 60_000);
    expect(kept).toBeLessThanOrEqual(7 * 24 * 3_600_000);
  });
});

async function open({ url }: RedisPeer): Promise<Bench> {
  const keys = keysOf(freshPrefix());
  const server = serverOf({ url });
  const link = new Link(server, { deadlineMs: 10_000, log: silent });
  const queue = openQueue({ link, keys, log: silent });
  const connection = connect(server, { manner: 'patient', deadlineMs: 0, log: silent });
  const worker = new Worker<JobData>(queueName, null, { connection, prefix: keys.root, autorun: false });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  // Once it is connected, BullMQ notes how the queue is set up.
  await eventually(() => link.client.exists(queue.toKey('meta')), { what: 'the queue to be set up' });
  return {
    link,
    keys,
    queue,
    worker,
    async close() {
      await worker.close();
      await disconnect(connection);
      await queue.close();
      await link.close();
    },
  };
}

function addByBull({ queue }: Bench, added: Job, delayMs: number): Promise<unknown> {
  return queue.add(added.kind, { job: added }, jobOptions(idOf(jobKey(added)), { delayMs, now }));
}

async function runOne(bench: Bench) {
  await addByBull(bench, job, 0);
  const run = await bench.worker.getNextJob('token');
  if (!run) throw new Error('nothing to run');
  return run;
}

/** All that stands in Redis under a queue's prefix, without what differs from one moment to the next. */
async function dump(admin: Redis, { keys: { root } }: Bench): Promise<Record<string, unknown>> {
  const found = (await admin.keys(`${root}:jobs:*`)).sort();
  const values = await Promise.all(
    found.map(
      async (key) => [key.slice(root.length), await contentOf(admin, key), (await admin.pttl(key)) >= 0] as const,
    ),
  );
  return Object.fromEntries(values.map(([key, value, expires]) => [key, { value, expires }]));
}

async function contentOf(admin: Redis, key: string): Promise<unknown> {
  const type = await admin.type(key);
  switch (type) {
    case 'string':
      return admin.get(key);
    case 'list':
      return admin.lrange(key, 0, -1);
    case 'zset':
      // A failed job is known by the time at which it failed.
      return key.endsWith(':failed') ? admin.zrange(key, '0', '-1') : admin.zrange(key, '0', '-1', 'WITHSCORES');
    case 'stream':
      return (await admin.xrange(key, '-', '+')).map(([, fields]) => fields);
    case 'hash': {
      const { processedOn, finishedOn, opts, ...fields } = await admin.hgetall(key);
      // Which option comes first is chance.
      return { ...fields, ...(opts === undefined ? {} : { opts: JSON.parse(opts) as unknown }) };
    }
    default:
      throw new Error(`${key} is a ${type}`);
  }
}
