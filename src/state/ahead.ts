import type { Clock } from './clock.ts';

/**
 * Calls taken from a bucket before anybody asked for them, so that who makes many calls in a row need not ask Redis for each.
 * As many are taken ahead as were made lately, so that at most as much is wasted as was used; what is not used in time is
 * forgotten, never given back.
 */
export class Ahead {
  readonly #clock: Clock;
  readonly #lastsMs: number;
  #left = 0;
  #lastsUntil = 0;
  /** Calls since `#since`, and in the stretch of `lastsMs` before that. */
  #calls = 0;
  #callsBefore = 0;
  #since = 0;

  /** `lastsMs`: how long calls may lie here, in milliseconds; 0 = nothing is taken ahead. */
  constructor(clock: Clock, lastsMs: number) {
    this.#clock = clock;
    this.#lastsMs = lastsMs;
  }

  /** Uses one call if there is one. */
  use(): boolean {
    if (this.#left === 0 || this.#clock.now() >= this.#lastsUntil) return false;
    this.#left -= 1;
    this.noteCalls(1);
    return true;
  }

  noteCalls(calls: number): void {
    const now = this.#clock.now();
    if (now - this.#since >= this.#lastsMs) {
      this.#callsBefore = now - this.#since < 2 * this.#lastsMs ? this.#calls : 0;
      this.#calls = 0;
      this.#since = now;
    }
    this.#calls += calls;
  }

  /** How many calls to take ahead of a bucket that gives so many a second: never more than it gives while they last. */
  wanted(perSecond: number): number {
    const worth = Math.floor((perSecond * this.#lastsMs) / 1000);
    const lately = this.#clock.now() - this.#since < 2 * this.#lastsMs;
    return lately ? Math.min(worth, Math.max(this.#calls, this.#callsBefore)) : 0;
  }

  /** `askedAt`: when the bucket was asked for them. What was left from before is forgotten. */
  keep(calls: number, askedAt: number): void {
    this.#left = calls;
    this.#lastsUntil = askedAt + this.#lastsMs;
  }

  forget(): void {
    this.#left = 0;
  }
}
