import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Line } from '../../src/state/memory/line.ts';

test('a line gives back what joined it, in order, however joining and taking alternate', () => {
  const turns = fc.array(fc.record({ join: fc.nat(1500), take: fc.nat(1500) }), { maxLength: 8 });
  fc.assert(
    fc.property(turns, (all) => {
      const line = new Line<number>();
      let joined = 0;
      let taken = 0;

      for (const { join, take } of all) {
        for (let count = 0; count < join; count += 1) line.join(joined++);
        for (let count = 0; count < take && taken < joined; count += 1) expect(line.next()).toBe(taken++);
        expect(line.length).toBe(joined - taken);
      }

      if (taken === joined) expect(line.next()).toBeUndefined();
    }),
    { seed: 7, numRuns: 20 },
  );
});
