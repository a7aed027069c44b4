import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Rate } from '../../src/state/contract.ts';
import { Bucket } from '../../src/state/memory/bucket.ts';

const minute = 60_000;

/** A bucket on a clock that only moves when told. */
class BucketOnPaper {
  readonly rate: Rate;
  now = 0;
  readonly #bucket: Bucket;

  constructor(rate: Rate) {
    this.rate = rate;
    this.#bucket = new Bucket(rate, 0);
  }

  ask(wanted: { events?: number; backfill?: number; ahead?: number; batchMs?: number }) {
    const all = { rate: this.rate, events: 0, backfill: 0, ahead: 0, batchMs: 0, ...wanted };
    return this.#bucket.take(all, this.now);
  }

  slowDown(retryAfterMs = 0): void {
    this.#bucket.slowDown(this.rate, retryAfterMs, this.now);
  }

  /** How many calls it gives to events within so many milliseconds, asked every tenth of a second. */
  givesWithin(ms: number): number {
    let given = 0;
    for (const until = this.now + ms; this.now < until; ) {
      this.now += 100;
      given += this.ask({ events: 1_000_000 }).events;
    }
    return given;
  }
}

describe('a bucket', () => {
  test('fills at its rate up to its burst, and no further', () => {
    const bucket = new BucketOnPaper({ perSecond: 10, burst: 20 });

    const first = bucket.ask({ events: 100 });
    bucket.now += 1000;
    const second = bucket.ask({ events: 100 });
    bucket.now += minute;
    const third = bucket.ask({ events: 100 });

    expect([first.events, second.events, third.events]).toEqual([20, 10, 20]);
  });

  test('never gives more than its burst and what its rate brings, and says exactly when there is more', () => {
    const steps = fc.array(
      fc.record({
        events: fc.nat(5),
        backfill: fc.nat(5),
        ahead: fc.nat(3),
        later: fc.nat(3000),
        slow: fc.option(fc.nat(2000), { freq: 10 }),
      }),
      { maxLength: 60 },
    );
    const rates = fc.record({ perSecond: fc.double({ min: 0.1, max: 100, noNaN: true }), burst: fc.nat(30) });
    fc.assert(
      fc.property(rates, steps, (rate, all) => {
        const bucket = new BucketOnPaper(rate);
        let given = 0;
        for (const { events, backfill, ahead, later, slow } of all) {
          bucket.now += later;
          if (slow !== null) bucket.slowDown(slow);
          const served = bucket.ask({ events, backfill, ahead });
          given += served.events + served.backfill + served.ahead;

          expect(given).toBeLessThanOrEqual(Math.max(1, rate.burst) + (rate.perSecond * bucket.now) / 1000 + 1e-6);
          if (served.events < events) expect(served.backfill + served.ahead).toBe(0);
          if (served.backfill < backfill) expect(served.ahead).toBe(0);
          expect(served.waitMs > 0).toBe(served.events < events || served.backfill < backfill);
          if (served.waitMs > 0 && served.waitMs < 100_000 && served.events < events) {
            bucket.now += served.waitMs - 1;
            const early = bucket.ask({ events: 1 }).events;
            bucket.now += 1;
            const due = early + bucket.ask({ events: 1 }).events;
            given += due;

            expect([early, due]).toEqual([0, 1]);
          }
        }
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test('says how long backfill has to wait, which leaves the reserve alone', () => {
    const bucket = new BucketOnPaper({ perSecond: 10, burst: 8 });

    const empty = bucket.ask({ events: 8, backfill: 1 });
    bucket.now += empty.waitMs - 1;
    const early = bucket.ask({ backfill: 1 });
    bucket.now += 1;
    const due = bucket.ask({ backfill: 1, ahead: 5 });
    const events = bucket.ask({ events: 5 });

    // Two in reserve and one to take.
    expect(empty).toMatchObject({ events: 8, backfill: 0, waitMs: 300 });
    expect([early.backfill, due.backfill, due.ahead, events.events]).toEqual([0, 1, 0, 2]);
  });

  test('lets who has to wait anyway wait for a batch, but not for more than there is room for', () => {
    const bucket = new BucketOnPaper({ perSecond: 1000, burst: 12 });
    bucket.ask({ events: 12 });

    const one = bucket.ask({ events: 1, batchMs: 20 });
    const some = bucket.ask({ events: 7, batchMs: 20 });
    const many = bucket.ask({ events: 1000, batchMs: 20 });
    const backfill = bucket.ask({ backfill: 1, ahead: 1000, batchMs: 20 });
    const short = bucket.ask({ events: 1000, batchMs: 5 });

    expect([one, some, many, backfill, short].map(({ waitMs }) => waitMs)).toEqual([1, 7, 12, 12, 5]);
  });

  test.each([1, 1.5, 2, 3, 100])('backfill can always have something of a burst of %d, however slow', (burst) => {
    const bucket = new BucketOnPaper({ perSecond: 1, burst });
    for (let time = 0; time < 20; time += 1) {
      bucket.slowDown();
      bucket.now += 1000;
    }

    const asked = Array.from({ length: 100 }, () => {
      const served = bucket.ask({ backfill: 1 });
      bucket.now += served.waitMs;
      return served.backfill;
    });

    expect(asked.filter((count) => count === 1).length).toBeGreaterThan(5);
    expect(bucket.now).toBeLessThan(20 * minute);
  });
});

describe('a bucket that is told to slow down', () => {
  const rate = { perSecond: 100, burst: 50 };

  test('gives nothing for as long as the store said, then half of what it gave', () => {
    const bucket = new BucketOnPaper(rate);

    bucket.slowDown(5000);
    const meanwhile = bucket.givesWithin(5000);
    const after = bucket.givesWithin(1000);

    expect(meanwhile).toBe(0);
    expect(after).toBeGreaterThanOrEqual(50);
    expect(after).toBeLessThan(52);
  });

  test('gives half again each time, but never less than a hundredth', () => {
    const bucket = new BucketOnPaper(rate);
    const given = Array.from({ length: 9 }, () => {
      bucket.slowDown();
      return bucket.givesWithin(1000);
    });
    for (let time = 0; time < 20; time += 1) {
      bucket.slowDown();
      bucket.now += 1000;
    }

    bucket.slowDown();
    const least = bucket.givesWithin(10_000);

    expect(given.slice(0, 4)).toEqual([50, 25, 12, 6]);
    // A hundredth is one a second; it grows by a third of a call a second each second.
    expect(least).toBe(10 + 16);
  });

  test('gives all of its rate again after five minutes, growing evenly', () => {
    const bucket = new BucketOnPaper(rate);
    bucket.slowDown();
    bucket.now += 75_000;
    bucket.ask({ events: 1000 });
    const inBetween = bucket.givesWithin(1000);
    for (let time = 0; time < 20; time += 1) {
      bucket.slowDown();
      bucket.now += 1000;
    }

    bucket.now += 300_000;
    const burst = bucket.ask({ events: 1000 });
    const after = bucket.givesWithin(10_000);

    expect(Math.abs(inBetween - 75)).toBeLessThanOrEqual(1);
    expect([burst.events, after]).toEqual([50, 1000]);
  });

  test('counts what comes within a second, or while it gives nothing, as one', () => {
    const [once, often, waited, later] = [0, 1, 2, 3].map(() => new BucketOnPaper(rate)) as BucketOnPaper[];

    for (const bucket of [once, often, waited, later]) bucket?.slowDown(0);
    for (const ms of [0, 1, 500, 498]) {
      if (often) often.now += ms;
      often?.slowDown(0);
    }
    waited?.slowDown(4000);
    if (waited) waited.now += 3000;
    waited?.slowDown(0);
    if (waited) waited.now += 1000;
    if (later) later.now += 1000;
    later?.slowDown(0);

    const given = [once, often, waited, later].map((bucket) => bucket?.givesWithin(1000) ?? 0);
    expect(given.map((count) => Math.round(count / 10) * 10)).toEqual([50, 50, 50, 30]);
  });

  test('is asked again after an hour, whatever the store said', () => {
    const bucket = new BucketOnPaper(rate);

    bucket.slowDown(Number.MAX_VALUE);
    const { waitMs } = bucket.ask({ events: 1 });
    bucket.now += 3_601_000;

    expect(waitMs).toBe(3_600_000);
    expect(bucket.ask({ events: 1 }).events).toBe(1);
  });
});
