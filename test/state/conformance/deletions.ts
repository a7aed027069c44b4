import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StateUnderTest } from '../runs.ts';

/** Unix time in milliseconds at which these stories begin. */
const start = 1_790_000_000_000;
const windowMs = 600_000;

export function describeDeletions(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  const admit = (copies: string[], options: { limit: number; now?: number; sync?: string }) => {
    const { limit, now = start, sync = 'team/a' } = options;
    return world.state.deletions.admit(sync, { copies, limit, windowMs, now });
  };
  const count = (now = start, sync = 'team/a') => world.state.deletions.count(sync, { windowMs, now });
  const noted = (now = start, sync = 'team/a') => world.state.deletions.noted(sync, { windowMs, now });

  describe('the deletion log', () => {
    test('admits deletions up to the limit, of each sync for itself', async () => {
      const upTo = await admit(['c1', 'c2', 'c3'], { limit: 3 });
      const more = await admit(['c4'], { limit: 3 });
      const another = await admit(['c4'], { limit: 3, sync: 'team/b' });

      expect([upTo, more, another]).toEqual([true, false, true]);
      expect([await count(), await count(start, 'team/b'), await count(start, 'team/c')]).toEqual([3, 1, 0]);
    });

    test('tells which copies were noted within the window', async () => {
      await admit(['c1', 'c2'], { limit: 9 });
      await admit(['c2', 'c3'], { limit: 9, now: start + 1 });

      const later = await noted(start + windowMs);

      expect([...(await noted(start + 1))].sort()).toEqual(['c1', 'c2', 'c3']);
      expect([...later].sort()).toEqual(['c2', 'c3']);
      expect(await noted(start, 'team/b')).toEqual([]);
    });

    test('notes all copies or none', async () => {
      await admit(['c1'], { limit: 3 });

      const refused = await admit(['c1', 'c2', 'c3', 'c4'], { limit: 3 });

      expect(refused).toBe(false);
      expect(await count()).toBe(1);
      expect(await admit(['c2', 'c3'], { limit: 3 })).toBe(true);
    });

    test('a copy counts once, however often it is noted', async () => {
      await admit(['c1', 'c2', 'c2'], { limit: 2 });

      const again = await admit(['c2', 'c1'], { limit: 2, now: start + 1000 });
      const withAnother = await admit(['c1', 'c3'], { limit: 2, now: start + 1000 });

      expect([again, withAnother]).toEqual([true, false]);
      expect(await count(start + 1000)).toBe(2);
    });

    test('what was admitted stays admitted when the limit has sunk', async () => {
      await admit(['c1', 'c2', 'c3'], { limit: 3 });

      const retried = await admit(['c1', 'c3'], { limit: 1 });

      expect(retried).toBe(true);
    });

    test('nothing to note is always admitted', async () => {
      expect(await admit([], { limit: 0 })).toBe(true);
      expect(await admit(['c1'], { limit: 0 })).toBe(false);
      expect(await count()).toBe(0);
    });

    test('forgets a copy when it was last noted longer ago than the window is', async () => {
      await admit(['c1', 'c2'], { limit: 2 });
      await admit(['c2'], { limit: 2, now: start + 400_000 });

      const just = await admit(['c3'], { limit: 2, now: start + windowMs - 1 });
      const after = await admit(['c3'], { limit: 2, now: start + windowMs });

      expect([just, after]).toEqual([false, true]);
      expect(await count(start + windowMs)).toBe(2);
      expect(await count(start + 400_000 + windowMs)).toBe(1);
      expect(await count(start + 3 * windowMs)).toBe(0);
    });

    test('a clock that is behind sees what one ahead has noted, and does not take it back', async () => {
      await admit(['c1', 'c2'], { limit: 2, now: start + 5000 });

      const behind = await admit(['c3'], { limit: 2 });
      await admit(['c1'], { limit: 2 });

      expect(behind).toBe(false);
      expect(await count()).toBe(2);
      expect(await count(start + windowMs + 4999)).toBe(2);
    });

    test('many copies at once', async () => {
      const copies = Array.from({ length: 12_000 }, (_, index) => `copy ${index}`);

      const admitted = await admit(copies, { limit: 12_000 });

      expect(admitted).toBe(true);
      expect(await count()).toBe(12_000);
    });

    test('many who ask at once never get more than the limit', async () => {
      const copies = Array.from({ length: 100 }, (_, index) => `copy ${index}`);

      const answers = await Promise.all(copies.map((copy) => admit([copy, 'one of all'], { limit: 31 })));

      expect(answers.filter((admitted) => admitted)).toHaveLength(30);
      expect(await count()).toBe(31);
    });

    test('does whatever a plain list of deletions would', async () => {
      const steps = fc.array(
        fc.record({
          copies: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 }),
          limit: fc.nat(6),
          later: fc.constantFrom(0, 1, 100_000, 300_000, 599_999),
        }),
        { maxLength: 12 },
      );
      let story = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          story += 1;
          const sync = `team/${story}`;
          const list: { copy: string; at: number }[] = [];
          let now = start;
          for (const { copies, limit, later } of all) {
            now += later;
            const recent = new Set(list.filter(({ at }) => at > now - windowMs).map(({ copy }) => copy));
            const after = new Set([...recent, ...copies]);
            const expected = after.size === recent.size || after.size <= limit;
            if (expected) list.push(...copies.map((copy) => ({ copy, at: now })));

            expect(await admit(copies, { limit, now, sync })).toBe(expected);
            expect(await count(now, sync)).toBe(expected ? after.size : recent.size);
          }
        }),
        { seed: 11, numRuns: 60 },
      );
    });
  });
}
