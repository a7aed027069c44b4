import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Installation } from './model.ts';
import { commands, remount, secrets } from './model-commands.ts';

describe('whatever happens in whatever order', () => {
  // A counterexample is printed with its seed and path; the time is bounded, whatever the machine.
  test.each([
    ['while the mount stays', commands, { seed: 20_260_101, numRuns: 1_000, interruptAfterTimeLimit: 10_000 }],
    [
      'a mount made anew included',
      [...commands, remount],
      { seed: 20_260_102, numRuns: 500, interruptAfterTimeLimit: 6_000 },
    ],
  ])(
    'the copies end as Vault says, nothing foreign is touched, and nothing goes without a proof: %s',
    async (_title, all, limits) => {
      await fc.assert(
        fc.asyncProperty(fc.commands(all, { maxCommands: 40, size: 'max' }), async (steps) => {
          const real = new Installation(secrets);
          for (const name of ['whole', 'rival', 'keys']) {
            real.create(name, 0);
            await real.reconcile(name);
          }

          await fc.asyncModelRun(() => ({ model: {}, real }), steps);
          await real.settle();

          expect(real.violations).toEqual([]);
          expect(real.differences()).toEqual([]);
        }),
        limits,
      );
    },
  );
});
