import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { State } from '../../src/state/contract.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, quick, redisState } from './redis-world.ts';
import { aborted, done, gate, pathJob, Runs, retryIn } from './runs.ts';

describe('several operators on one Redis', () => {
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

  test('never run one key twice at once, and share the work', async () => {
    const active = new Set<string>();
    let overlaps = 0;
    const run = async (name: string) => {
      if (active.has(name)) overlaps += 1;
      active.add(name);
      await new Promise((resolve) => setImmediate(resolve));
      active.delete(name);
    };
    const consume = (state: State) =>
      new Runs(
        state,
        async ({ job }, nth) => {
          if (job.kind === 'path') await run(job.name);
          return nth % 5 === 0 ? retryIn(1) : done;
        },
        10,
      );
    const replicas = [consume(one), consume(two)];

    for (let round = 0; round < 60; round += 1) {
      await one.jobs.add(Array.from({ length: 10 }, (_, index) => ({ job: pathJob(`job ${index}`) })));
    }
    await eventually(async () => (await one.jobs.pending()) === 0, { what: 'the queue to be empty' });
    await eventually(() => replicas.every(({ running }) => running === 0), { what: 'the runs to end' });

    expect(overlaps).toBe(0);
    expect(Math.min(...replicas.map(({ all }) => all.length))).toBeGreaterThan(0);
  });

  describe('a process is killed in the middle of a run', () => {
    let victim: ChildProcess;
    const victims: ChildProcess[] = [];
    /** Starts a process and waits until it runs a job. */
    async function startVictim(): Promise<ChildProcess> {
      const program = join(import.meta.dirname, 'hanging-consumer.ts');
      const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, redis.url, prefix], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      victims.push(started);
      await once(createInterface(started.stdout), 'line');
      return started;
    }
    beforeEach(async () => {
      await one.jobs.add([{ job: pathJob('a'), heard: { version: 4, at: 1 } }]);
      victim = await startVictim();
    });
    afterEach(() => {
      for (const started of victims.splice(0)) started.kill('SIGKILL');
    });

    test('its job runs again elsewhere, as the same attempt that was cut off, knowing what was heard', async () => {
      victim.kill('SIGKILL');
      const runs = new Runs(one, () => done);

      await runs.until('a', 1);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ attempt, resumed, heard }) => [attempt, resumed, heard?.version])).toEqual([
        [1, true, 4],
      ]);
    });

    test('and another one with it, in the same moment: the third runs the jobs of both', async () => {
      await one.jobs.add([{ job: pathJob('b'), heard: { version: 7, at: 1 } }]);
      await startVictim();
      for (const started of victims) started.kill('SIGKILL');
      const runs = new Runs(one, () => done);

      await runs.until('a', 1);
      await runs.until('b', 1);
      await runs.untilQuiet();

      expect(['a', 'b'].map((name) => runs.of(name).map(({ resumed, heard }) => [resumed, heard?.version]))).toEqual([
        [[true, 4]],
        [[true, 7]],
      ]);
    });

    test('events before and after the crash still get their run', async () => {
      await one.jobs.add([{ job: pathJob('a'), heard: { version: 5, at: 2 } }]);
      victim.kill('SIGKILL');
      await one.jobs.add([{ job: pathJob('a'), heard: { version: 6, at: 3 } }]);
      const runs = new Runs(one, () => done);

      await runs.until('a', 2);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ resumed, heard }) => [resumed, heard?.version])).toEqual([
        [true, 6],
        [undefined, 6],
      ]);
    });

    test('nobody else runs the job as long as the process lives', async () => {
      const runs = new Runs(one, () => done);
      const [lock = ''] = await admin.keys(`{${prefix}}:jobs:*:lock`);
      const before = await admin.pttl(lock);

      await eventually(async () => (await admin.pttl(lock)) > before, { what: 'the lock to be renewed', every: 5 });

      expect(runs.of('a')).toHaveLength(0);
    });
  });

  test('a run that takes longer than its lock lasts keeps it', async () => {
    const runs = new Runs(one, async () => {
      await sleep(quick.lockMs * 1.5);
      return done;
    });
    await one.jobs.add([{ job: pathJob('a') }]);
    await runs.until('a', 1);

    const others = new Runs(two, () => done);
    await runs.consumer.close(10_000);
    await others.untilQuiet();

    expect(runs.of('a').map(({ signal }) => signal.aborted)).toEqual([false]);
    expect(others.of('a')).toHaveLength(0);
  });

  test('a run whose lock was taken away is told, and its outcome no longer counts', async () => {
    const lost = gate();
    const first = new Runs(one, async ({ signal }) => {
      await aborted(signal);
      await lost.opened;
      return retryIn(600_000);
    });
    await one.jobs.add([{ job: pathJob('a') }]);
    await first.until('a', 1);

    const [lock = ''] = await admin.keys(`{${prefix}}:jobs:*:lock`);
    await admin.del(lock);
    await eventually(() => first.of('a')[0]?.signal.aborted, { what: 'the signal' });
    const closing = first.consumer.close(10_000);
    const second = new Runs(two, () => done);
    await second.until('a', 1);
    lost.open();
    await closing;
    await second.untilQuiet();

    expect(second.of('a')).toHaveLength(1);
    expect(await two.jobs.pending()).toBe(0);
  });

  test('a job that kills its process again and again becomes a dead letter', async () => {
    const runs = new Runs(one, () => done);
    await runs.consumer.close(0);
    await one.jobs.add([{ job: pathJob('a') }]);
    const [id = ''] = await admin.lrange(`{${prefix}}:jobs:wait`, 0, -1);
    await admin.hset(`{${prefix}}:jobs:${id}`, 'defa', 'job stalled more than allowable limit');

    const others = new Runs(two, () => done);
    await others.untilQuiet();
    const letters = await two.jobs.deadLetters(10);
    await two.jobs.add([{ job: pathJob('a') }]);
    await others.until('a', 1);

    expect(letters.map(({ job, reason }) => [job, reason])).toEqual([
      [pathJob('a'), 'job stalled more than allowable limit'],
    ]);
    await eventually(async () => (await two.jobs.deadLetters(10)).length === 0, { what: 'the letter to go' });
  });

  test('what is no job is not run: whoever took over the webhook can write to the queue', async () => {
    const keys = keysOf(prefix);
    await one.jobs.add([{ job: pathJob('a') }]);
    const [id = ''] = await admin.lrange(keys.queue('wait'), 0, -1);
    await admin.hset(`{${prefix}}:jobs:${id}`, 'data', '{"job":{"kind":"path","vault":["x"]}}');

    const runs = new Runs(one, () => done);
    await runs.untilQuiet();

    expect(runs.all.map(({ job }) => (job.kind === 'path' ? job.name : ''))).toEqual(['fence 0']);
    expect(await one.jobs.deadLetters(10)).toEqual([]);
  });

  test('nothing is left in Redis of keys that are done', async () => {
    const runs = new Runs(one, (_, nth) => (nth === 1 ? retryIn(1) : done), 5);
    const names = Array.from({ length: 50 }, (_, index) => `job ${index}`);

    await one.jobs.add(names.map((name) => ({ job: pathJob(name), heard: { version: 1, at: 1 } })));
    await eventually(() => names.every((name) => runs.of(name).length === 2), { what: 'all to be done' });
    await runs.consumer.close(1000);

    const left = (await admin.keys(`{${prefix}}:*`)).map((key) => key.slice(prefix.length + 3)).sort();
    expect(left.filter((key) => !/^(history|jobs:(events|id|marker|meta|stalled|stalled-check))$/.test(key))).toEqual(
      [],
    );
  });

  test('nothing is left in Redis of copies that are forgotten', async () => {
    const entry = {
      destination: 'gcp:p',
      source: '[]',
      name: 'a',
      state: 'failed',
      unwell: true,
      version: 1,
      createdTime: null,
      fingerprint: null,
      settingsFingerprint: null,
      versionId: null,
      writtenAt: null,
      generation: 1,
      message: '',
      reason: '',
      at: 1,
    } as const;
    await one.ledger.record('c', { ...entry, sync: 'team/a' });
    await one.ledger.record('c', { ...entry, sync: 'team/b' });

    await one.ledger.forget('c');

    expect(await admin.keys(`{${prefix}}:operator:*`)).toEqual([]);
  });

  test('an interest of an unknown format, or a broken one, counts as none', async () => {
    const { interest } = keysOf(prefix);
    await one.interest.publish({ entries: [], kvVersions: {} });

    await admin.hset(interest, 'format', '2');
    const unknown = await two.interest.read();
    await admin.hset(interest, 'format', '1', 'document', '{"entries":');
    const broken = await two.interest.read();
    await admin.hset(interest, 'document', '{"entries":{},"kvVersions":{}}');
    const wrong = await two.interest.read();

    expect([unknown, broken, wrong]).toEqual([null, null, null]);
  });
});
