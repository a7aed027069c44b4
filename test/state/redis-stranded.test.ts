import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { State } from '../../src/state/contract.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { freshPrefix, redisState } from './redis-world.ts';
import { done, gate, pathJob, Runs } from './runs.ts';

/** Redis that evicts throws away keys one by one: here just those that a test names. */

let redis: RedisPeer;
let admin: Redis;
let prefix: string;
let states: State[];

beforeAll(async () => {
  redis = await startRedis();
  admin = redis.admin();
});

beforeEach(() => {
  prefix = freshPrefix();
  states = [];
});

afterEach(async () => {
  for (const state of states) await state.close();
});

afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
});

function open(): State {
  const state = redisState({ url: redis.url, prefix, lookEveryMs: 100 });
  states.push(state);
  return state;
}

const add = (state: State, name: string, delayMs = 0) => state.jobs.add([{ job: pathJob(name), delayMs }]);
const evict = (...types: ('wait' | 'delayed' | 'active' | 'id')[]) =>
  admin.del(types.map((type) => `${keysOf(prefix).root}:jobs:${type}`));

/** Waits until a state that looks on has seen that the mark of this history is another one, and has told so. */
async function untilLossIsTold(state: State): Promise<void> {
  let told = false;
  const end = state.watch.whenLost(() => {
    told = true;
  });
  await eventually(async () => (await admin.exists(keysOf(prefix).history)) === 1, { what: 'the first look' });
  await admin.set(keysOf(prefix).history, 'another');
  await eventually(() => told, { what: 'the loss to be told' });
  end();
}

describe('a job that Redis kept while it threw away the list with its number', () => {
  test.each([
    { list: 'wait' as const, delayMs: 0 },
    { list: 'delayed' as const, delayMs: 600_000 },
  ])('$list: runs once the loss is seen, and later ones of its key too', async ({ list, delayMs }) => {
    const state = open();
    await add(state, 'a', delayMs);
    await evict(list);

    await untilLossIsTold(state);
    const runs = new Runs(state, () => done);
    await runs.until('a', 1);
    await runs.untilQuiet();
    await add(state, 'a');
    await runs.until('a', 2);

    expect(runs.overlaps).toBe(0);
  });

  test('active: a run under way ends, is not run a second time at once, and the one asked for meanwhile comes after it', async () => {
    const state = open();
    const { open: letEnd, opened } = gate();
    const runs = new Runs(state, async () => {
      await opened;
      return done;
    });
    await add(state, 'a');
    await runs.until('a', 1);
    await evict('active');

    await untilLossIsTold(state);
    await add(state, 'a');
    letEnd();
    await runs.until('a', 2);

    expect(runs.overlaps).toBe(0);
  });

  test('is seen by a process that starts afterwards, too', async () => {
    await add(open(), 'a');
    await evict('wait');

    const later = open();
    const runs = new Runs(later, () => done);

    await runs.until('a', 1);
  });
});

describe('a key whose job was thrown away while its number stays in the list', () => {
  test('is free again once the loss is seen', async () => {
    const state = open();
    await add(state, 'a');
    await admin.del(`${keysOf(prefix).root}:jobs:1`);

    await untilLossIsTold(state);
    await add(state, 'a');
    const runs = new Runs(state, () => done);

    await runs.until('a', 1);
  });

  test('is so, too, where somebody tried to run it before', async () => {
    const state = open();
    await add(state, 'a');
    await admin.del(`${keysOf(prefix).root}:jobs:1`);
    const runs = new Runs(state, () => done);
    await eventually(async () => (await state.jobs.countDeadLetters()) === 1, { what: 'what cannot be run' });

    await untilLossIsTold(state);
    await add(state, 'a');

    await runs.until('a', 1);
  });
});

test('a key whose job’s number was given to another one after the counter was thrown away is free again', async () => {
  const state = open();
  for (const name of ['a', 'b']) await add(state, name);
  await evict('id');
  await add(state, 'c');

  await untilLossIsTold(state);
  for (const name of ['a', 'b', 'c']) await add(state, name);
  const runs = new Runs(state, () => done);

  for (const name of ['a', 'b', 'c']) await runs.until(name, 1);
});
