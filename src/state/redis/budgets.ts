import { processClock } from '../clock.ts';
import type { Budgets, Rate } from '../contract.ts';
import { stateClosed } from '../failures.ts';
import { type Served, WaitingLine, type Wanted } from '../waiting-line.ts';
import { slowDownCalls, takeCalls } from './bucket-scripts.ts';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';

/**
 * Milliseconds' worth of calls that are taken from Redis at a time. Long against the 0.2 ms that Redis needs to answer, so that a bucket of
 * any size costs a process at most about 50 questions a second while it is empty; short against a call to a store.
 */
const batchMs = 20;

/**
 * Redis is asked again after this many milliseconds even if it said to wait longer: so whoever joins those that wait learns
 * within a second that Redis is away.
 */
const longestNapMs = 200;

const spreadMs = 20;

/**
 * Buckets in Redis, filled by its clock. All that a process wants of a bucket is asked for at once, and one who makes many calls in a row
 * gets some ahead: see `Ahead` for how many. What a process took ahead and did not use is lost to the others, at most
 * `batchMs` of the rate whenever it stops; that is the price of not asking each time.
 */
export class RedisBudgets implements Budgets {
  readonly #link: Link;
  readonly #keys: Keys;
  readonly #lines = new Map<string, WaitingLine>();
  #closed = false;

  constructor(options: { link: Link; keys: Keys }) {
    this.#link = options.link;
    this.#keys = options.keys;
  }

  async take(bucket: string, options: { rate: Rate; backfill: boolean; signal: AbortSignal }): Promise<void> {
    if (this.#closed) throw stateClosed();
    await this.#line(bucket).take(options);
  }

  async slowDown(bucket: string, options: { rate: Rate; retryAfterMs: number | null }): Promise<void> {
    if (this.#closed) throw stateClosed();
    this.#lines.get(bucket)?.forgetAhead();
    const { rate, retryAfterMs } = options;
    const args = [rate.perSecond, rate.burst, Math.max(0, retryAfterMs ?? 0)];
    await this.#link.use('slow a bucket down', (client) => slowDownCalls(client, [this.#keys.bucket(bucket)], args));
  }

  close(): void {
    this.#closed = true;
    for (const line of this.#lines.values()) line.close();
  }

  async #ask(bucket: string, wanted: Wanted): Promise<Served> {
    const { rate, events, backfill, ahead, batchMs: batch } = wanted;
    const args = [rate.perSecond, rate.burst, events, backfill, ahead, batch];
    const answer = await this.#link.use('give calls from a bucket', (client) =>
      takeCalls(client, [this.#keys.bucket(bucket)], args),
    );
    const [forEvents = 0, forBackfill = 0, forAhead = 0, waitMs = 0] = answer as number[];
    return { events: forEvents, backfill: forBackfill, ahead: forAhead, waitMs };
  }

  #line(bucket: string): WaitingLine {
    const known = this.#lines.get(bucket);
    if (known !== undefined) return known;
    const ask = (wanted: Wanted) => this.#ask(bucket, wanted);
    const fresh = new WaitingLine({ ask, clock: processClock, batchMs, longestNapMs, spreadMs });
    this.#lines.set(bucket, fresh);
    return fresh;
  }
}
