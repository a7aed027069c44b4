import { randomUUID } from 'node:crypto';
import { createLogger } from '../../src/logging.ts';
import {
  createRedisState,
  createRedisWebhookState,
  type RedisStateOptions,
  type RedisWebhookStateOptions,
} from '../../src/state/redis/state.ts';

/** Short enough for tests, long enough for a busy machine. */
export const quick = { lockMs: 1500, stalledMs: 300, leaseMs: 1200, abortGraceMs: 300 };

/** Where a test is not about Redis being away, a busy machine must not look like it. In milliseconds. */
const patience = 10_000;

export const silent = createLogger({ level: 'silent' });

/** A prefix of its own: one server serves many tests. */
export function freshPrefix(): string {
  return `test-${randomUUID()}`;
}

export function redisState(options: Partial<RedisStateOptions> & { prefix: string }) {
  return createRedisState({ log: silent, deadlineMs: patience, ...quick, ...options });
}

export function redisWebhookState(options: Partial<RedisWebhookStateOptions> & { prefix: string }) {
  return createRedisWebhookState({ log: silent, deadlineMs: patience, ...options });
}
