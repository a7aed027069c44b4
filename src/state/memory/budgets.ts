import { type Clock, processClock } from '../clock.ts';
import type { Budgets, Rate } from '../contract.ts';
import { stateClosed } from '../failures.ts';
import { WaitingLine } from '../waiting-line.ts';
import { Bucket } from './bucket.ts';

/** The longest sleep in milliseconds: any that setTimeout takes would do. */
const longestNapMs = 60_000;

interface Shared {
  readonly bucket: Bucket;
  readonly line: WaitingLine;
}

/** Buckets of one process: exact, since nobody else takes from them. As many as there are places that copies went to. */
export class MemoryBudgets implements Budgets {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Shared>();
  #closed = false;

  constructor(clock: Clock = processClock) {
    this.#clock = clock;
  }

  async take(bucket: string, options: { rate: Rate; backfill: boolean; signal: AbortSignal }): Promise<void> {
    if (this.#closed) throw stateClosed();
    await this.#of(bucket, options.rate).line.take(options);
  }

  async slowDown(bucket: string, options: { rate: Rate; retryAfterMs: number | null }): Promise<void> {
    if (this.#closed) throw stateClosed();
    const { rate, retryAfterMs } = options;
    this.#of(bucket, rate).bucket.slowDown(rate, Math.max(0, retryAfterMs ?? 0), this.#clock.now());
  }

  close(): void {
    this.#closed = true;
    for (const { line } of this.#buckets.values()) line.close();
  }

  #of(name: string, rate: Rate): Shared {
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    const clock = this.#clock;
    const bucket = new Bucket(rate, clock.now());
    const ask = (wanted: Parameters<Bucket['take']>[0]) => bucket.take(wanted, clock.now());
    const fresh = { bucket, line: new WaitingLine({ ask, clock, batchMs: 0, longestNapMs, spreadMs: 0 }) };
    this.#buckets.set(name, fresh);
    return fresh;
  }
}
