import { type JobsOptions, Queue } from 'bullmq';
import type { Logger } from '../../logging.ts';
import type { Job } from '../contract.ts';
import type { Link } from './connection.ts';
import { type Keys, queueName } from './keys.ts';

/** All that a job carries: what to look at. */
export interface JobData {
  readonly job: Job;
}

/** How many events BullMQ keeps in its stream; nobody here reads them. */
const eventsKept = 1000;

/** BullMQ's queue on a connection of ours, which stays ours to close. */
export function openQueue(options: { link: Link; keys: Keys; log: Logger }): Queue<JobData> {
  const queue = new Queue<JobData>(queueName, {
    connection: options.link.client,
    prefix: options.keys.root,
    // Its check of the version would fail for good if the connection broke right then.
    skipVersionCheck: true,
    streams: { events: { maxLen: eventsKept } },
  });
  queue.on('error', (error) => options.log.debug({ err: error }, 'the queue lost its connection'));
  return queue;
}

/**
 * How a job is added so that its key is never run twice at once and no event is lost: what BullMQ calls deduplication
 * coalesces while a job waits, stores one more run while it is active, and (`reschedule`) runs a delayed one now. A `jobId` would
 * break this: BullMQ looks at that first and drops the event. `now`: Unix time in milliseconds, by the clock of Redis.
 */
export function jobOptions(id: string, { delayMs, now }: { delayMs: number; now: number }): JobsOptions {
  return {
    deduplication: { id, keepLastIfActive: true, ...(delayMs > 0 ? {} : { reschedule: true }) },
    // Also for a job that is to run now: a delayed one that it wakes becomes due at this time.
    timestamp: now,
    ...(delayMs > 0 ? { delay: Math.ceil(delayMs) } : {}),
    // BullMQ's own retries serve only failures between it and Redis; how our runs are retried is said by their outcome.
    attempts: 1_000_000,
    backoff: { type: 'fixed', delay: 1000 },
    stackTraceLimit: 0,
  };
}
