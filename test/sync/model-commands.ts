import fc from 'fast-check';
import { fail, type Installation } from './model.ts';
import { allKeys, manifests } from './model-manifests.ts';

type Command = fc.AsyncCommand<object, Installation>;

export const secrets = ['app/a', 'app/b', 'app/c'];

function command(title: string, run: (real: Installation) => void | Promise<void>): Command {
  return { check: () => true, run: async (_, real) => run(real), toString: () => title };
}

const secret = fc.constantFrom(...secrets);
const sync = fc.constantFrom(...Object.keys(manifests));
const keys = fc.constantFrom(allKeys, allKeys, ['one'], ['two']);
const wording = fc.constantFrom(0, 1, 2, 3);
const store = fc.constantFrom(0, 1, 2);
const lagMs = fc.constantFrom(0, 0, 1, 5, 2_000, 20_000);
const copy = fc.constantFrom(...secrets, 'app/a/one', 'app/b/two', 'one/a');

const inVault: fc.Arbitrary<Command>[] = [
  fc.tuple(secret, keys).map(([of, has]) => command(`put ${of} with ${has}`, (real) => real.put(of, has))),
  fc.tuple(secret, keys).map(([of, has]) => command(`put ${of} with ${has}`, (real) => real.put(of, has))),
  secret.map((of) => command(`delete ${of}`, (real) => real.delete(of))),
  secret.map((of) => command(`undelete ${of}`, (real) => real.undelete(of))),
  secret.map((of) => command(`delete metadata of ${of}`, (real) => real.deleteMetadata(of))),
  fc.tuple(secret, keys).map(([of, has]) =>
    command(`new life of ${of} with ${has}`, (real) => {
      real.deleteMetadata(of);
      real.put(of, has);
    }),
  ),
];

const inQueue: fc.Arbitrary<Command>[] = [
  fc
    .tuple(secret, lagMs)
    .map(([of, lag]) => command(`run ${of}, ${lag} ms behind`, (real) => real.run(of, { lagMs: lag }))),
  fc
    .tuple(secret, lagMs)
    .map(([of, lag]) => command(`run ${of}, ${lag} ms behind`, (real) => real.run(of, { lagMs: lag }))),
  secret.map((of) => command(`run ${of}`, (real) => real.run(of, {}))),
  secret.map((of) => command(`run ${of} on a replica that is outdated`, (real) => real.run(of, { isOutdated: true }))),
  secret.map((of) => command(`crash while ${of} runs`, (real) => real.run(of, { crashes: true }))),
  fc.tuple(secret, keys).map(([of, has]) =>
    command(`put ${of} with ${has} while it runs`, async (real) => {
      real.world.vault.duringRead = () => {
        real.world.vault.duringRead = null;
        real.put(of, has);
      };
      await real.run(of, {});
      real.world.vault.duringRead = null;
    }),
  ),
  secret.map((of) => command(`lose the event of ${of}`, (real) => real.loseEvent(of))),
  secret.map((of) => command(`repeat an event of ${of}`, (real) => real.repeatEvent(of))),
  fc.constant(command('run a parked copy', (real) => real.runParked())),
  sync.map((name) => command(`full reconcile of ${name}`, (real) => real.reconcile(name))),
  fc.tuple(sync, secret).map(([name, of]) =>
    command(`full reconcile of ${name} while ${of} runs`, async (real) => {
      await Promise.all([real.reconcile(name), real.run(of, {})]);
    }),
  ),
  fc.integer({ min: 1, max: 90_000 }).map((ms) =>
    command(`${ms} ms pass`, (real) => {
      real.world.clock.now += ms;
    }),
  ),
];

const inCluster: fc.Arbitrary<Command>[] = [
  fc.tuple(sync, wording).map(([name, to]) => command(`edit ${name} to wording ${to}`, (real) => real.edit(name, to))),
  sync.map((name) => command(`remove ${name}`, (real) => real.remove(name))),
  fc
    .tuple(sync, wording)
    .map(([name, to]) => command(`create ${name} in wording ${to}`, (real) => real.create(name, to))),
];

const inStores: fc.Arbitrary<Command>[] = [
  fc
    .tuple(store, fc.constantFrom('describe', 'write', 'remove', 'list', 'answer', 'not', 'not'))
    .map(([index, how]) => command(`store ${index} fails: ${how}`, (real) => fail(real.world.stores[index]!, how))),
  fc.constant(command('lose the ledger', (real) => real.loseLedger())),
  fc
    .tuple(copy, store, fc.constantFrom(null, 'theirs'))
    .map(([name, index, owner]) =>
      command(`${owner ?? 'nobody'} takes ${name} in store ${index}`, (real) =>
        real.takeOver(real.world.stores[index]!, { name, owner }),
      ),
    ),
  fc
    .tuple(copy, store)
    .map(([name, index]) =>
      command(`${name} is removed by hand in store ${index}`, (real) =>
        real.removeByHand(real.world.stores[index]!, name),
      ),
    ),
];

/** Everything that can happen, as often as it is written above. */
export const commands: fc.Arbitrary<Command>[] = [...inVault, ...inQueue, ...inQueue, ...inCluster, ...inStores];

/** The mount is disabled and enabled again: what was in it proves nothing any more, and much may be left as it is. */
export const remount: fc.Arbitrary<Command> = fc.constant(command('the mount is made anew', (real) => real.remount()));
