import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Installation } from './model.ts';
import { commands, secrets } from './model-commands.ts';

describe('whatever happens in whatever order', () => {
  test('the copies end as Vault says, nothing foreign is touched, and nothing goes without a proof', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: 'max' }), async (steps) => {
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
      // A counterexample is printed with its seed and path; the time is bounded, whatever the machine.
      { seed: 20_260_101, numRuns: 1_500, interruptAfterTimeLimit: 200_000 },
    );
  });
});
