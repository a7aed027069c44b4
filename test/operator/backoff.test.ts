import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoff, retryOutcome } from '../../src/operator/backoff.ts';

const evenly = () => 0.5;
const failed = { attempt: 1, afterMs: null, countsAsAttempt: true, reason: 'Why', random: evenly };

describe('backoff', () => {
  test('doubles from a second up to five minutes', () => {
    const waits = [1, 2, 3, 4, 9, 10, 11, 50, 2_000].map((attempt) => backoff(attempt, evenly));

    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000, 300_000, 300_000]);
  });

  test('spreads failures by a fifth to either side', () => {
    expect([0, 0.5, 1].map((random) => backoff(1, () => random))).toEqual([800, 1_000, 1_200]);
  });

  test('is never at once and never beyond six minutes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random) => {
          expect(backoff(attempt, () => random)).toBeGreaterThanOrEqual(800);
          expect(backoff(attempt, () => random)).toBeLessThanOrEqual(360_000);
        },
      ),
      { seed: 1 },
    );
  });
});

describe('retryOutcome', () => {
  test('waits as long as the other side said', () => {
    expect(retryOutcome({ ...failed, afterMs: 42_000 })).toEqual({
      outcome: 'retry',
      delayMs: 42_000,
      reason: 'Why',
      countsAsAttempt: true,
    });
  });

  test('else backs off', () => {
    expect(retryOutcome({ ...failed, attempt: 3 })).toMatchObject({ outcome: 'retry', delayMs: 4_000 });
  });

  test('comes back at once where it is told to', () => {
    expect(retryOutcome({ ...failed, afterMs: 0 })).toMatchObject({ delayMs: 0 });
  });

  test('gives up after twelve attempts', () => {
    expect(retryOutcome({ ...failed, attempt: 11 }).outcome).toBe('retry');
    expect(retryOutcome({ ...failed, attempt: 12 })).toEqual({ outcome: 'dead', reason: 'Why' });
  });

  test('waiting alone never uses the attempts up', () => {
    expect(retryOutcome({ ...failed, attempt: 99, countsAsAttempt: false }).outcome).toBe('retry');
  });
});
