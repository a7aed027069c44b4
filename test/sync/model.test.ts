import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fail, Installation } from './model.ts';
import { someSync } from './some-sync.ts';

const names = ['app/a', 'app/b', 'app/c'];
const sync = someSync({ path: 'secret/app/.*', dest: [{ aws: {} }, { azure: { vaultName: 'team-a' } }] });

type Command = fc.AsyncCommand<object, Installation>;

function command(title: string, run: (real: Installation) => void | Promise<void>): Command {
  return { check: () => true, run: async (_, real) => run(real), toString: () => title };
}

const name = fc.constantFrom(...names);
const store = fc.constantFrom(0, 1);
const lagMs = fc.constantFrom(0, 0, 1, 5, 2_000, 20_000);

const commands: fc.Arbitrary<Command>[] = [
  name.map((of) => command(`put ${of}`, (real) => real.put(of))),
  name.map((of) => command(`delete ${of}`, (real) => real.delete(of))),
  name.map((of) => command(`undelete ${of}`, (real) => real.undelete(of))),
  name.map((of) => command(`delete metadata of ${of}`, (real) => real.deleteMetadata(of))),
  name.map((of) =>
    command(`new life of ${of}`, (real) => {
      real.deleteMetadata(of);
      real.put(of);
    }),
  ),
  fc
    .tuple(name, lagMs)
    .map(([of, lag]) => command(`run ${of}, ${lag} ms behind`, (real) => real.run(of, { lagMs: lag }))),
  fc
    .tuple(name, lagMs)
    .map(([of, lag]) => command(`run ${of}, ${lag} ms behind`, (real) => real.run(of, { lagMs: lag }))),
  name.map((of) => command(`crash while ${of} runs`, (real) => real.run(of, { crashes: true }))),
  name.map((of) =>
    command(`put ${of} while it runs`, async (real) => {
      real.world.vault.duringRead = () => {
        real.world.vault.duringRead = null;
        real.put(of);
      };
      await real.run(of, {});
      real.world.vault.duringRead = null;
    }),
  ),
  name.map((of) => command(`lose the event of ${of}`, (real) => real.loseEvent(of))),
  name.map((of) => command(`repeat an event of ${of}`, (real) => real.repeatEvent(of))),
  fc
    .tuple(store, fc.constantFrom('describe', 'write', 'remove', 'list', 'answer', 'not', 'not'))
    .map(([index, how]) => command(`store ${index} fails: ${how}`, (real) => fail(real.stores[index]!, how))),
  fc.constant(command('run a parked copy', (real) => real.runParked())),
  fc.constant(command('full reconcile', (real) => real.reconcile())),
  name.map((of) =>
    command(`full reconcile while ${of} runs`, async (real) => {
      await Promise.all([real.reconcile(), real.run(of, {})]);
    }),
  ),
  fc.constant(command('lose the ledger', (real) => real.loseLedger())),
  fc.integer({ min: 1, max: 90_000 }).map((ms) =>
    command(`${ms} ms pass`, (real) => {
      real.world.clock.now += ms;
    }),
  ),
  fc
    .tuple(name, store, fc.constantFrom(null, 'theirs'))
    .map(([of, index, owner]) =>
      command(`${owner ?? 'nobody'} takes ${of} in store ${index}`, (real) =>
        real.takeOver(of, real.stores[index]!, owner),
      ),
    ),
  fc
    .tuple(name, store)
    .map(([of, index]) =>
      command(`${of} is removed by hand in store ${index}`, (real) => real.removeByHand(of, real.stores[index]!)),
    ),
];

describe('whatever happens in whatever order', () => {
  test('the copies end as Vault says, nothing foreign is touched, and no older reading follows a newer one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: 'max' }), async (steps) => {
        const real = new Installation(sync);
        await real.reconcile();

        await fc.asyncModelRun(() => ({ model: {}, real }), steps);
        await real.settle();

        expect(real.violations).toEqual([]);
        expect(real.differences(names)).toEqual([]);
      }),
      { seed: 20_260_101, numRuns: 1_000 },
    );
  });
});
