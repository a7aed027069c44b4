/** Clocks that differ by less than this, in milliseconds, count as one: no measurement over a network is exact. */
const worthMs = 1000;

/**
 * The time by the clock of Redis, as far as this process knows: one clock for all who share a queue. Delays are told to BullMQ
 * as points in time, and a replica whose clock is minutes off would run everybody's retries minutes early or late.
 */
export class ServerClock {
  /** How far Redis is ahead of this process, in milliseconds. */
  #aheadMs = 0;

  /** Unix time in milliseconds. */
  now(): number {
    return this.fromOwn(Date.now());
  }

  fromOwn(time: number): number {
    return time + this.#aheadMs;
  }

  toOwn(time: number): number {
    return time - this.#aheadMs;
  }

  /** What Redis answered to `TIME`, and what the own clock said before and after. */
  set([seconds, microseconds]: readonly [number | string, number | string], asked: number, answered: number): void {
    const ahead = Number(seconds) * 1000 + Number(microseconds) / 1000 - (asked + answered) / 2;
    this.#aheadMs = Math.abs(ahead) < worthMs ? 0 : Math.round(ahead);
  }
}
