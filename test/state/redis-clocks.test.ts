import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Job, State } from '../../src/state/contract.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, redisState } from './redis-world.ts';
import { done, pathJob, Runs } from './runs.ts';

interface Said {
  readonly job: Job;
  readonly attempt: number;
  readonly at: number;
}

const tenMinutes = 600_000;

describe('an operator whose clock is off', () => {
  let redis: RedisPeer;
  let other: ChildProcess;
  let state: State;
  let said: Said[];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    other.kill('SIGKILL');
    await state.close();
  });

  async function start(skewMs: number): Promise<void> {
    const prefix = freshPrefix();
    state = redisState({ url: redis.url, prefix, lookEveryMs: 100 });
    said = [];
    const program = join(import.meta.dirname, 'skewed-operator.ts');
    const args = ['--disable-warning=ExperimentalWarning', program, redis.url, prefix, String(skewMs)];
    other = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (other.stdout === null) throw new Error('no output');
    createInterface(other.stdout).on('line', (line) => said.push(JSON.parse(line) as Said));
  }

  test.each([
    ['ahead', tenMinutes],
    ['behind', -tenMinutes],
  ])('by ten minutes (%s) tries again when it is time', async (_, skewMs) => {
    await start(skewMs);
    // Its first look at Redis is over by the time that it has run something.
    await state.jobs.add([{ job: pathJob('first') }]);
    await eventually(() => said.length === 2, { what: 'both attempts' });
    const added = Date.now();
    await state.jobs.add([{ job: pathJob('later'), delayMs: 500 }]);
    await eventually(() => said.length === 4, { what: 'both attempts of the delayed job' });

    expect(said.map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2]);
    expect((said[2]?.at ?? 0) - added).toBeGreaterThan(400);
    expect((said[3]?.at ?? 0) - (said[2]?.at ?? 0)).toBeGreaterThan(450);
  });

  test('does not run the delayed jobs of others before it is time', async () => {
    await start(tenMinutes);
    await state.jobs.add([{ job: pathJob('fence') }]);
    await eventually(() => said.length === 2, { what: 'it to work' });

    await state.jobs.add([{ job: pathJob('in an hour'), delayMs: 300_000 }]);
    await state.jobs.add([{ job: pathJob('now') }]);
    await eventually(() => said.length === 4, { what: 'the other job' });

    expect(await state.jobs.pending()).toBe(1);
  });

  test('wakes a delayed job for an event at once, not when its own clock says so', async () => {
    await start(tenMinutes);
    await state.jobs.add([{ job: pathJob('fence') }]);
    await eventually(() => said.length === 2, { what: 'it to work' });
    await state.jobs.add([{ job: pathJob('put off'), delayMs: 300_000 }]);

    other.stdin?.write(`${JSON.stringify(pathJob('put off'))}\n`);

    await eventually(() => said.length > 2, { what: 'the job that the event asks for' });
    expect(said[2]?.job).toEqual(pathJob('put off'));
  });

  test('does not disturb what another one does, nor the other way round', async () => {
    await start(-tenMinutes);
    const runs = new Runs(state, () => done);
    await state.jobs.add(Array.from({ length: 20 }, (_, index) => ({ job: pathJob(`job ${index}`) })));

    await eventually(async () => (await state.jobs.pending()) === 0, { what: 'the queue to be empty' });
    const lease = await state.leases.acquire(['a'], { waitMs: 0 });

    expect(runs.overlaps).toBe(0);
    expect(lease?.signal.aborted).toBe(false);
    await lease?.release();
  });
});
