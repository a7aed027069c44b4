import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { endsSoon, renewalDelay, retryDelay } from '../../src/vault/renewal.ts';

const leases = fc.integer({ min: 1, max: 10 * 365 * 24 * 3600 }).map((seconds) => ({ durationMs: seconds * 1000 }));
const chances = fc.double({ min: 0, max: 1, noNaN: true });

describe('renewing a lease', () => {
  test('comes at two thirds of it or a little earlier, and at least every hour', () => {
    fc.assert(
      fc.property(leases, chances, (lease, chance) => {
        const due = Math.min((lease.durationMs * 2) / 3, 3_600_000);

        expect(renewalDelay(lease, chance)).toBeLessThanOrEqual(due);
        expect(renewalDelay(lease, chance)).toBeGreaterThanOrEqual(due * 0.9 - 1);
      }),
      { seed: 1 },
    );
  });

  test('is never due for a token that does not end', () => {
    expect(renewalDelay({ durationMs: 0 }, 0.5)).toBeNull();
  });

  test('is tried again within a minute, at least twice before the lease ends', () => {
    fc.assert(
      fc.property(leases, chances, (lease, chance) => {
        const delay = retryDelay(lease, chance);

        expect(delay).toBeGreaterThan(200);
        expect(delay).toBeLessThanOrEqual(60_000);
        if (lease.durationMs >= 3000) expect(2 * delay).toBeLessThan(lease.durationMs / 3);
      }),
      { seed: 1 },
    );
  });

  test('has had its day when Vault gives no more than half of the first lease', () => {
    expect(endsSoon({ durationMs: 30_000 }, { durationMs: 60_000 })).toBe(true);
    expect(endsSoon({ durationMs: 31_000 }, { durationMs: 60_000 })).toBe(false);
    expect(endsSoon({ durationMs: 60_000 }, { durationMs: 60_000 })).toBe(false);
  });
});
