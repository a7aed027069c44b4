import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rateWithin } from '../../src/sync-targets/contract.ts';

test('a quota is used to 95 % at least, and exceeded by one call at most in any of its windows', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.constantFrom(1, 10, 60), (quota, quotaSeconds) => {
      const { perSecond, burst } = rateWithin(quota, quotaSeconds);
      const atMost = burst + perSecond * quotaSeconds;

      expect(perSecond).toBeGreaterThanOrEqual(quota * 0.95);
      expect(atMost).toBeLessThanOrEqual(quota * quotaSeconds + 1);
    }),
    { seed: 3 },
  );
});
