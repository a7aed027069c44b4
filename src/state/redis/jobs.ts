import type { Queue } from 'bullmq';
import type { Logger } from '../../logging.ts';
import {
  type Consumer,
  type DeadLetter,
  type Job,
  type JobOutcome,
  type JobRun,
  type Jobs,
  jobKey,
} from '../contract.ts';
import { stateClosed } from '../failures.ts';
import { connect, type Link } from './connection.ts';
import { type ConsumerTimings, RedisConsumer } from './consumer.ts';
import { RedisInbox } from './inbox.ts';
import { jobIn } from './job-data.ts';
import { idOf, type Keys } from './keys.ts';
import type { JobData } from './queue.ts';
import type { RedisServer } from './server.ts';

export interface RedisJobsOptions {
  readonly server: RedisServer;
  readonly link: Link;
  readonly queue: Queue<JobData>;
  readonly keys: Keys;
  readonly timings: ConsumerTimings;
  readonly deadLetters: number;
  readonly log: Logger;
}

/** The operator's side of the queue in Redis. Dead letters are BullMQ's failed jobs, so its tools show them too. */
export class RedisJobs extends RedisInbox implements Jobs {
  readonly #options: RedisJobsOptions;
  readonly #consumers = new Set<RedisConsumer>();
  #closed = false;

  constructor(options: RedisJobsOptions) {
    super(options);
    this.#options = options;
  }

  consume(options: { concurrency: number; run: (run: JobRun) => Promise<JobOutcome> }): Consumer {
    if (this.#closed) throw stateClosed();
    const { server, link, queue, keys, timings, deadLetters, log } = this.#options;
    const consumer = new RedisConsumer({
      ...options,
      client: connect(server, { manner: 'patient', deadlineMs: 0, log }),
      clock: link.clock,
      queue,
      keys,
      timings,
      deadLetters,
      log,
      closed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  isHeard(job: Job): Promise<boolean> {
    const { link, keys } = this.#options;
    const heard = keys.heard(idOf(jobKey(job)));
    return link.use('ask what was heard', async (client) => (await client.hget(heard, 'at')) !== null);
  }

  async deadLetters(limit: number): Promise<DeadLetter[]> {
    const { link, queue } = this.#options;
    if (limit < 1) return [];
    const failed = await link.use('list dead letters', () => queue.getFailed(0, limit - 1));
    return failed.flatMap((bull) => {
      const job = jobIn(bull.data);
      if (job === null || bull.id === undefined) return [];
      const { id, failedReason: reason, finishedOn: at = 0, attemptsMade: attempts } = bull;
      return [{ id, job, reason, at, attempts }];
    });
  }

  countDeadLetters(): Promise<number> {
    const { link, keys } = this.#options;
    return link.use('count dead letters', (client) => client.zcard(keys.queue('failed')));
  }

  /** Adds it anew rather than have BullMQ retry it, which would pay no heed to a run of the same key. */
  async replay(id: string): Promise<boolean> {
    const { link, queue } = this.#options;
    const failed = await link.use('find a dead letter', async () => {
      const bull = await queue.getJob(id);
      return bull !== undefined && (await bull.isFailed()) ? bull : undefined;
    });
    const job = jobIn(failed?.data);
    if (failed === undefined || job === null) return false;
    await this.add([{ job }]);
    await link.use('forget a dead letter', () => queue.remove(id));
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(0)));
  }
}
