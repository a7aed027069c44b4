import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { raiseHeard } from '../../src/state/heard.ts';

const someHeard = fc.option(fc.record({ version: fc.option(fc.nat(9)), at: fc.nat(9) }));

test('what was heard does not depend on the order of hearing, nor on hearing it twice', () => {
  fc.assert(
    fc.property(someHeard, someHeard, someHeard, (one, two, three) => {
      const inOrder = raiseHeard(raiseHeard(one, two), three);

      expect(raiseHeard(raiseHeard(three, one), two)).toEqual(inOrder);
      expect(raiseHeard(inOrder, two)).toEqual(inOrder);
    }),
    { seed: 7 },
  );
});

test('neither the version nor the time ever goes down', () => {
  fc.assert(
    fc.property(someHeard, someHeard, (known, more) => {
      const raised = raiseHeard(known, more);

      expect(raised?.version ?? -1).toBe(Math.max(known?.version ?? -1, more?.version ?? -1));
      expect(raised?.at ?? -1).toBe(Math.max(known?.at ?? -1, more?.at ?? -1));
      const told = [known?.version, more?.version].filter((version) => version != null);
      expect(raised?.lowest ?? raised?.version ?? null).toBe(told.length === 0 ? null : Math.min(...told));
    }),
    { seed: 7 },
  );
});
