import { bucketRules } from '../bucket-rules.ts';
import type { Rate } from '../contract.ts';
import type { Served, Wanted } from '../waiting-line.ts';

const { reserve, recoveryMs, lowestShare, incidentMs, longestPauseMs } = bucketRules;

/**
 * One token bucket, as of the time that the caller tells, in milliseconds. It gives `rate`, or a share of it that is halved
 * when the store says to slow down and then grows evenly back to 1. Redis has the same in `redis/bucket-scripts.ts`; a test lets both do
 * the same things and compares.
 */
export class Bucket {
  #rate: Rate;
  #tokens: number;
  /** As of when `#tokens` counts. */
  #at: number;
  /** The share given at `#from`. Before that nothing is given, from then on it grows. */
  #share = 1;
  #from: number;
  #halvedAt = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#at = now;
    this.#from = now;
    this.#tokens = this.#capacity();
  }

  take({ rate, events, backfill, ahead, batchMs }: Wanted, now: number): Served {
    this.#refill(rate, now);
    const forEvents = Math.min(events, Math.floor(this.#tokens));
    this.#tokens -= forEvents;
    const capacity = this.#capacity();
    const reserved = Math.min(Math.max(1, capacity * reserve), capacity - 1);
    const free = Math.max(0, Math.floor(this.#tokens - reserved));
    const forBackfill = Math.min(backfill, free);
    const forAhead = Math.min(ahead, free - forBackfill);
    this.#tokens -= forBackfill + forAhead;

    const batch = this.#perMs * this.#shareAt(now) * batchMs;
    let missing = 0;
    if (forEvents < events) missing = batchOf(events - forEvents, batch, capacity) - this.#tokens;
    else if (forBackfill < backfill) {
      missing = reserved + batchOf(backfill - forBackfill + ahead, batch, capacity - reserved) - this.#tokens;
    }
    const waitMs = missing === 0 ? 0 : Math.min(longestPauseMs, Math.max(1, Math.ceil(this.#msUntil(missing))));
    return { events: forEvents, backfill: forBackfill, ahead: forAhead, waitMs };
  }

  slowDown(rate: Rate, retryAfterMs: number, now: number): void {
    this.#refill(rate, now);
    this.#share = this.#shareAt(now);
    // While it gives nothing, whoever is told to slow down was under way before.
    if (now - this.#halvedAt >= incidentMs && now >= this.#from) {
      this.#share = Math.max(lowestShare, this.#share / 2);
      this.#halvedAt = now;
    }
    this.#from = Math.max(this.#from, now + Math.min(retryAfterMs, longestPauseMs));
    this.#tokens = 0;
  }

  get #perMs(): number {
    return this.#rate.perSecond / 1000;
  }

  #shareAt(time: number): number {
    return Math.min(1, this.#share + Math.max(0, time - this.#from) / recoveryMs);
  }

  /** What it holds when full. It shrinks with the share, but not so far that nothing could be reserved. */
  #capacity(): number {
    const burst = Math.max(1, this.#rate.burst);
    return Math.max(Math.min(burst, 2), burst * this.#shareAt(this.#at));
  }

  #refill(rate: Rate, now: number): void {
    this.#rate = rate;
    const start = Math.max(this.#at, this.#from);
    this.#at = now;
    const gained = now > start ? this.#gain(start, now - start) : 0;
    this.#tokens = Math.min(this.#capacity(), this.#tokens + gained);
  }

  /** Tokens that come within `ms` from `start` on: first more and more, then evenly. */
  #gain(start: number, ms: number): number {
    const share = this.#shareAt(start);
    const growing = Math.min(ms, (1 - share) * recoveryMs);
    return this.#perMs * (share * growing + (growing * growing) / (2 * recoveryMs) + (ms - growing));
  }

  /** Milliseconds until `missing` tokens will have come: the reverse of `#gain`. */
  #msUntil(missing: number): number {
    const start = Math.max(this.#at, this.#from);
    const share = this.#shareAt(start);
    const untilFull = (1 - share) * recoveryMs;
    const growing = recoveryMs * (Math.sqrt(share * share + (2 * missing) / (this.#perMs * recoveryMs)) - share);
    const ms = growing <= untilFull ? growing : untilFull + (missing - this.#gain(start, untilFull)) / this.#perMs;
    return start - this.#at + ms;
  }
}

/** How many tokens to wait for at a time: at least one, at most what all need, what comes within the time, what there is room for. */
function batchOf(needed: number, batch: number, room: number): number {
  return Math.max(1, Math.floor(Math.min(needed, batch, room)));
}
