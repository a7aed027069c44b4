import { describe, expect, test } from '@jest/globals';
import { recallMounts } from '../../src/sync/absence.ts';
import { FakeWorld, worldWithChange } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const key = 'team-a/db';

type Supersede = (world: FakeWorld) => void;

const ways: [string, Supersede][] = [
  ['was edited', (world) => world.generations.set(key, 2)],
  ['is gone', (world) => world.gone.add(key)],
];

describe.each(ways)('a run whose sync %s', (_title, supersede) => {
  test('writes nothing and looks at no store', async () => {
    const world = await worldWithChange(sync);
    supersede(world);

    const { outcome, results } = await world.follow('app/db', sync);

    expect([outcome, results, world.calls()]).toEqual(['done', [], []]);
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"ada"}');
  });

  test('deletes nothing', async () => {
    const world = await worldWithChange(sync);
    world.vault.delete('app/db');
    supersede(world);

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(world.stores.map(({ copies }) => copies.size)).toEqual([1, 1, 1]);
  });

  test('writes nothing where that happened while it waited for the lease', async () => {
    const world = await worldWithChange(sync);
    world.leases.beforeGiven = () => supersede(world);

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
  });

  test('writes nothing where that happened while Vault was read', async () => {
    const world = await worldWithChange(sync);
    world.vault.duringRead = () => supersede(world);

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
  });

  test('takes no leftovers away, and knows of no whole', async () => {
    const world = await leftoverWorld();
    world.vault.duringRead = () => supersede(world);

    const { whole, places } = await world.reconcile(narrowed);

    expect(world.aws.copies.size).toBe(4);
    expect([whole, places]).toEqual([false, null]);
  });

  test('takes no leftovers away where that happened while it waited for their leases', async () => {
    const world = await leftoverWorld();
    world.leases.beforeGiven = ([copy]) => {
      if (copy !== 'aws:eu-west-1:/app/0') supersede(world);
    };

    await world.reconcile(narrowed);

    expect(world.aws.copies.size).toBe(4);
    expect(world.ledger.entries.size).toBe(4);
  });

  test('takes no mount for the one to trust', async () => {
    const world = await worldWithChange(sync);
    world.vault.mountUuid = 'another';
    world.vault.duringRead = () => supersede(world);

    await world.reconcile(sync);

    expect(await recallMounts(world.ledger, key)).toEqual({ secret: 'uuid-1' });
  });
});

const narrowed = someSync({ path: 'secret/app/(0)', removalPolicy: 'Delete' });

/** A world with copies of which `narrowed` asks for one only. */
async function leftoverWorld(count = 4): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (let index = 0; index < count; index++) world.vault.put(`app/${index}`, { index });
  await world.reconcile(someSync({ path: 'secret/app/(.*)', removalPolicy: 'Delete' }));
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

describe('a leftover', () => {
  test('that was found by its mark only, and that a run has recorded since, is kept', async () => {
    const world = await leftoverWorld();
    const leftover = 'aws:eu-west-1:/app/1';
    const entry = world.ledger.entries.get(leftover)!;
    world.ledger.lose();
    world.leases.beforeGiven = ([copy]) => {
      if (copy === leftover) world.ledger.entries.set(copy, entry);
    };

    await world.reconcile(narrowed);

    expect([...world.aws.copies.keys()]).toEqual(['app/0', 'app/1']);
    expect(world.ledger.entries.get(leftover)).toBe(entry);
  });

  test('that a newer manifest asked for again while its lease was waited for is kept', async () => {
    const world = await leftoverWorld();
    const leftover = 'aws:eu-west-1:/app/1';
    const entry = world.ledger.entries.get(leftover)!;
    world.leases.beforeGiven = ([copy]) => {
      if (copy === leftover) world.ledger.entries.set(copy, { ...entry, generation: 2, at: entry.at + 500 });
    };

    await world.reconcile(narrowed);

    expect([...world.aws.copies.keys()]).toEqual(['app/0', 'app/1']);
    expect(world.ledger.entries.get(leftover)?.generation).toBe(2);
  });
});
