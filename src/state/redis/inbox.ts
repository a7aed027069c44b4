import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Heard, type Job, type JobInbox, jobKey, type NewJob } from '../contract.ts';
import { raiseHeard } from '../heard.ts';
import type { Link } from './connection.ts';
import { coalesceLater, keptMs, raiseHeard as raiseHeardScript } from './job-scripts.ts';
import { idOf, type Keys } from './keys.ts';
import { type JobData, jobOptions } from './queue.ts';

/** How many jobs go to Redis at a time: few enough to be through long before the deadline. */
const batchSize = 250;

/** What several adds of one key come to. */
interface Coalesced {
  readonly id: string;
  readonly job: Job;
  heard: Heard | null;
  delayMs: number;
}

/** Hands jobs to BullMQ. */
export class RedisInbox implements JobInbox {
  readonly #link: Link;
  readonly #queue: Queue<JobData>;
  readonly #keys: Keys;

  constructor(options: { link: Link; queue: Queue<JobData>; keys: Keys }) {
    this.#link = options.link;
    this.#queue = options.queue;
    this.#keys = options.keys;
  }

  async add(jobs: readonly NewJob[]): Promise<void> {
    const distinct = coalesce(jobs);
    for (let from = 0; from < distinct.length; from += batchSize) {
      const batch = distinct.slice(from, from + batchSize);
      await this.#link.use('take jobs', (client) => this.#addBatch(client, batch));
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

  async #addBatch(client: Redis, batch: readonly Coalesced[]): Promise<void> {
    // Sent in one go, not one after the other's answer: one connection keeps the order, so what was heard is raised first.
    await Promise.all([this.#raise(client, batch), ...batch.map((added) => this.#addOne(client, added))]);
  }

  #raise(client: Redis, batch: readonly Coalesced[]): Promise<unknown> {
    const keys = batch.map(({ id }) => this.#keys.heard(id));
    const args = batch.flatMap(({ heard, delayMs }) => [
      heard?.version ?? '',
      heard?.versionAt ?? heard?.at ?? '',
      heard?.at ?? '',
      delayMs > 0 ? 0 : 1,
    ]);
    // In full each time: asking by digest, Redis could answer that it does not know it, and the jobs would be first.
    return client.eval(raiseHeardScript, keys.length, ...keys, keptMs, ...args);
  }

  async #addOne(client: Redis, { id, job, delayMs }: Coalesced): Promise<void> {
    if (delayMs > 0 && (await this.#coalescesLater(client, id, delayMs))) return;
    await this.#queue.add(job.kind, { job }, jobOptions(id, delayMs));
  }

  async #coalescesLater(client: Redis, id: string, delayMs: number): Promise<boolean> {
    const { holder, next, queue } = this.#keys;
    const keys = [holder(id), next(id), queue('delayed'), queue('active'), queue('marker')];
    const done = await coalesceLater(client, keys, [Math.ceil(delayMs), Date.now(), this.#queue.toKey('')]);
    return done === 1;
  }
}

function coalesce(jobs: readonly NewJob[]): Coalesced[] {
  const byKey = new Map<string, Coalesced>();
  for (const { job, heard, delayMs = 0 } of jobs) {
    const key = jobKey(job);
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, { id: idOf(key), job, heard: heard ?? null, delayMs });
    } else {
      known.heard = raiseHeard(known.heard, heard);
      known.delayMs = Math.min(known.delayMs, delayMs);
    }
  }
  return [...byKey.values()];
}
