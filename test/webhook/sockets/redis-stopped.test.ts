import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../../src/logging.ts';
import type { Job, State } from '../../../src/state/contract.ts';
import { createRedisState, createRedisWebhookState } from '../../../src/state/redis/state.ts';
import { type RedisPeer, startRedis } from '../../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../../peers/start-vault.ts';
import { auditLine } from '../entries.ts';
import { eventually, interestIn, jobsOf } from '../fakes.ts';
import { type ListenersWorld, lineOf, startListeners } from './world.ts';

/** As long an entry as makes all of them together more than the kernel keeps for a reader that has paused. */
const manyKeys = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [`key-${index}-${'x'.repeat(60)}`, 'ada']),
);

const log = createLogger({ level: 'silent' });
const closers: (() => Promise<unknown>)[] = [];
let redis: RedisPeer;
let vault: VaultPeer;

beforeAll(async () => {
  redis = await startRedis();
  vault = await startVault();
}, 600_000);

afterAll(async () => {
  await vault.stop();
  await redis.stop();
});

async function startWith(prefix: string): Promise<{ operator: State; webhook(): Promise<ListenersWorld> }> {
  const { entries, kvVersions } = interestIn();
  const operator = createRedisState({ url: redis.url, prefix, log, deadlineMs: 10_000 });
  closers.push(() => operator.close());
  await eventually(
    () =>
      operator.interest.publish({ entries, kvVersions }).then(
        () => true,
        () => false,
      ),
    'Redis',
  );
  return {
    operator,
    async webhook() {
      const state = createRedisWebhookState({ url: redis.url, prefix, log });
      const world = await startListeners({ state });
      closers.unshift(async () => {
        await world.close();
        await state.close();
      });
      return world;
    },
  };
}

const isNone = (pending: number): boolean => pending === 0;

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

describe('while Redis is stopped', () => {
  test('Vault is answered, what fits is kept and handed in later, and what does not leads to a reconcile', async () => {
    const { operator, webhook } = await startWith('one');
    const world = await webhook();
    await redis.pause();
    await vault.enableAuditSocket({ host: '127.0.0.1', port: world.listeners.tcpAddresses[0]?.port ?? 0 });

    const writes = Array.from({ length: 200 }, (_, index) =>
      vault.api('POST', `secret/data/app-${index}`, { data: manyKeys }),
    );
    const answers = await Promise.all(writes);
    await eventually(() => world.queue.isAway(), 'the queue to be found away');
    const other = await world.dial();
    for (let index = 0; index < 11_000; index += 100) {
      other.write(Array.from({ length: 100 }, (_, offset) => lineOf(`other-${index + offset}`)).join(''));
    }
    await eventually(async () => (await world.count('auditEntries', { verdict: 'changed' })) >= 11_200, 'every line');
    const taken = await world.count('jobsQueued');
    const shed = await world.count('socketShed');
    redis.resume();

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(200);
    expect(taken).toBe(0);
    await eventually(async () => (await world.count('jobsQueued', { kind: 'mount' })) > 0, 'the reconcile');
    // On a busy machine Redis may be too slow for some of them, which come again: what is in the queue counts.
    await eventually(async () => {
      const pending = await operator.jobs.pending().catch(() => 0);
      return pending >= 11_200 - shed + 1;
    }, 'what was kept');
    await vault.cli(['audit', 'disable', 'socket']);
    await closeAll();
  });

  test('two webhooks that lose something lead to one reconcile', async () => {
    const { operator, webhook } = await startWith('two');
    const webhooks = [await webhook(), await webhook()];
    await redis.pause();
    for (const world of webhooks) {
      const socket = await world.dial();
      socket.write(lineOf('a') + auditLine({ requestData: 'x'.repeat(2_000_000) }));
      await eventually(() => world.queue.isAway(), 'the queue to be found away');
    }

    redis.resume();
    for (const world of webhooks) {
      await eventually(async () => (await world.count('jobsQueued', { kind: 'mount' })) > 0, 'the request');
    }
    // Only now, for a busy machine may keep them apart for longer than the first request waits for others.
    const runs: Job[] = [];
    const consumer = operator.jobs.consume({
      concurrency: 10,
      run: async ({ job }) => {
        runs.push(job);
        return { outcome: 'done' };
      },
    });
    await eventually(() => runs.some(({ kind }) => kind === 'mount'), 'the reconcile');
    await eventually(() => operator.jobs.pending().then(isNone, () => false), 'the queue to be empty');
    await consumer.close(1_000);

    expect(jobsOf(runs.map((job) => ({ job }))).filter((job) => job === 'mount main  ')).toHaveLength(1);
    await closeAll();
  });
});
