import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Heard, type JobInbox, jobKey, type NewJob } from '../contract.ts';
import { raiseHeard } from '../heard.ts';
import { type AddedJob, addJobs } from './add-jobs.ts';
import type { Link } from './connection.ts';
import { coalesceLater } from './job-scripts.ts';
import { idOf, type Keys } from './keys.ts';
import { type JobData, jobOptions } from './queue.ts';

/** How many jobs go to Redis at a time: few enough to be through long before the deadline, and to hold nobody else up (some 6 ms). */
const batchSize = 250;

/** What several adds of one key come to. */
interface Coalesced extends AddedJob {
  heard: Heard | null;
  delayMs: number;
}

/** Jobs that somebody wants to be told of when Redis has taken them. */
interface Handing {
  readonly jobs: readonly Coalesced[];
  readonly settle: PromiseWithResolvers<void>;
  /** Nobody waits for it any longer. */
  over: boolean;
}

/**
 * Hands jobs to BullMQ. Whoever comes while nothing is under way is served at once; those who come meanwhile are
 * gathered, and go together when Redis has answered: many senders of one event each share its round trips.
 */
export class RedisInbox implements JobInbox {
  readonly #link: Link;
  readonly #queue: Queue<JobData>;
  readonly #keys: Keys;
  /** First come, first served. */
  #waiting: Handing[] = [];
  #sending = false;

  constructor(options: { link: Link; queue: Queue<JobData>; keys: Keys }) {
    this.#link = options.link;
    this.#queue = options.queue;
    this.#keys = options.keys;
  }

  async add(jobs: readonly NewJob[]): Promise<void> {
    const distinct = coalesce(jobs);
    for (let from = 0; from < distinct.length; from += batchSize) {
      await this.#handIn(distinct.slice(from, from + batchSize));
    }
  }

  pending(): Promise<number> {
    return this.#link.use('count jobs', async (client) => {
      const [waiting, delayed] = await Promise.all([
        client.llen(this.#keys.queue('wait')),
        client.zcard(this.#keys.queue('delayed')),
      ]);
      return waiting + delayed;
    });
  }

  async #handIn(jobs: readonly Coalesced[]): Promise<void> {
    const handing: Handing = { jobs, settle: Promise.withResolvers(), over: false };
    try {
      await this.#link.use('take jobs', (client) => {
        this.#waiting.push(handing);
        if (!this.#sending) void this.#sendWaiting(client);
        return handing.settle.promise;
      });
    } finally {
      // Who was told that they were not taken hands them in again: those not sent yet are not sent any more.
      handing.over = true;
    }
  }

  /** Sends what waits, one batch after the other, until nothing does. A failure is told to those it befell. */
  async #sendWaiting(client: Redis): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0) {
      const handings = this.#takeBatch();
      try {
        await this.#addBatch(client, mergeAll(handings));
        for (const { settle } of handings) settle.resolve();
      } catch (error) {
        for (const { settle } of handings) settle.reject(error);
      }
    }
    this.#sending = false;
  }

  /** Takes as many as fit into one batch; one always does. */
  #takeBatch(): Handing[] {
    this.#waiting = this.#waiting.filter(({ over }) => !over);
    let size = 0;
    const end = this.#waiting.findIndex(({ jobs }) => {
      size += jobs.length;
      return size > batchSize;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** What was heard is raised before anything is added: whoever runs it must know. */
  async #addBatch(client: Redis, batch: readonly Coalesced[]): Promise<void> {
    if (batch.length === 0) return;
    await addJobs(client, batch, { queue: this.#queue, keys: this.#keys, now: this.#link.clock.now() });
    const later = batch.filter(({ delayMs }) => delayMs > 0);
    if (later.length === 0) return;
    sendTogether(client);
    await Promise.all(later.map((added) => this.#addLater(client, added)));
  }

  async #addLater(client: Redis, { id, job, delayMs }: Coalesced): Promise<void> {
    if (await this.#coalescesLater(client, id, delayMs)) return;
    await this.#queue.add(job.kind, { job }, jobOptions(id, { delayMs, now: this.#link.clock.now() }));
  }

  async #coalescesLater(client: Redis, id: string, delayMs: number): Promise<boolean> {
    const { holder, next, queue } = this.#keys;
    const keys = [holder(id), next(id), queue('delayed'), queue('active'), queue('marker')];
    const done = await coalesceLater(client, keys, [Math.ceil(delayMs), this.#link.clock.now(), this.#queue.toKey('')]);
    return done === 1;
  }
}

/**
 * Whatever is sent until the promises that are ready have gone on leaves in one write. A pipeline would do the same, but
 * to make one costs as much as two commands.
 */
function sendTogether({ stream }: Redis): void {
  stream.cork();
  process.nextTick(() => stream.uncork());
}

function coalesce(jobs: readonly NewJob[]): Coalesced[] {
  const byKey = new Map<string, Coalesced>();
  for (const { job, heard = null, delayMs = 0 } of jobs) {
    const key = jobKey(job);
    merge(byKey, key, { id: byKey.get(key)?.id ?? idOf(key), job, heard, delayMs });
  }
  return [...byKey.values()];
}

/** The jobs of several handings, each key once. */
function mergeAll(handings: readonly Handing[]): Coalesced[] {
  const byId = new Map<string, Coalesced>();
  for (const { jobs } of handings) for (const added of jobs) merge(byId, added.id, added);
  return [...byId.values()];
}

function merge(byKey: Map<string, Coalesced>, key: string, added: Coalesced): void {
  const known = byKey.get(key);
  if (known === undefined) {
    byKey.set(key, added);
  } else {
    known.heard = raiseHeard(known.heard, added.heard);
    known.delayMs = Math.min(known.delayMs, added.delayMs);
  }
}
