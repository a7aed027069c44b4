import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { syncInRef } from '../../src/sync/marks.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { answerLost } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const copyX = 'aws:eu-west-1:/x';

/** A sync of its own secret, `app/<name>`, into the copy `x`. */
function wanting(name: string, createdAt: number, more: { wishes?: object; object?: object } = {}): VaultSecretSync {
  const wishes = { path: `secret/app/${name}`, dest: [{ aws: { name: 'x' } }], removalPolicy: 'Delete' } as const;
  return someSync({ ...wishes, ...more.wishes }, { name, createdAt, ...more.object });
}

const holder = wanting('holder', 1);
const heir = wanting('heir', 2);
const third = wanting('third', 3);

/** A world in which the holder has the copy, and others complain that they cannot have it. */
async function contestedWorld(...others: VaultSecretSync[]): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (const { name } of [holder, heir, third]) world.vault.put(`app/${name}`, { user: name });
  await world.follow('app/holder', holder);
  for (const sync of others) await world.follow(`app/${sync.name}`, sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

/** The sync goes away. */
async function remove(world: FakeWorld, sync: VaultSecretSync) {
  world.gone.add(`team-a/${sync.name}`);
  return removeCopies({ world, sync: { ...sync, deleting: true }, signal: new AbortController().signal });
}

/** The tries that were asked for. */
async function takeUp(world: FakeWorld, ...syncs: VaultSecretSync[]): Promise<void> {
  for (const { sync: key, copy } of world.woken.splice(0)) {
    const sync = syncs.find(({ name }) => key === `team-a/${name}`);
    if (sync) await world.follow(`app/${sync.name}`, sync, { only: copy, verify: true });
  }
}

function holderOf(world: FakeWorld): string | null | undefined {
  const ref = world.aws.copies.get('x')?.ref;
  return ref == null ? ref : syncInRef(ref);
}

describe('a copy that another sync waits for is handed over, not deleted', () => {
  test.each<[string, (world: FakeWorld) => Promise<unknown>]>([
    ['when its sync goes away', (world) => remove(world, holder)],
    [
      'when its sync goes away and leaves its copies behind',
      (world) => remove(world, wanting('holder', 1, { wishes: { removalPolicy: 'Retain' } })),
    ],
    ['when its source is gone', (world) => loseSource(world)],
    [
      'when its sync wants another name',
      (world) =>
        world.reconcile(
          wanting('holder', 1, { wishes: { dest: [{ aws: { name: 'y' } }] }, object: { generation: 2 } }),
        ),
    ],
    [
      'when its sync wants another name, and leaves the old one behind',
      (world) => {
        const wishes = { dest: [{ aws: { name: 'y' } }], removalPolicy: 'Retain' };
        return world.reconcile(wanting('holder', 1, { wishes, object: { generation: 2 } }));
      },
    ],
  ])('%s', async (_title, release) => {
    const world = await contestedWorld(heir);

    await release(world);
    const between = holderOf(world);
    await takeUp(world, heir);

    expect(between).toBe('team-a/holder');
    expect(world.aws.callsOf('remove')).toEqual([]);
    expect(world.aws.copies.get('x')).toMatchObject({
      ref: expect.stringMatching(/^team-a\/heir /),
      value: '{"user":"heir"}',
    });
    expect(world.results.at(-1)).toMatchObject({
      change: 'adopted',
      message: 'belonged to team-a/holder, which gave it up',
    });
    expect(world.ledger.entries.get(copyX)).toMatchObject({ sync: 'team-a/heir', state: 'synced' });
    expect([...world.ledger.entries.values()].filter(({ state }) => state === 'conflict')).toEqual([]);
  });

  test('and its sync is told so', async () => {
    const world = await contestedWorld(heir);

    const { results } = await remove(world, holder);

    expect(results).toMatchObject([{ change: 'absent', message: 'handed over to another sync that wants it' }]);
  });
});

describe('who waits for a copy', () => {
  test('gets it in the order of age, and the others wait for the next', async () => {
    const world = await contestedWorld(third, heir);

    await remove(world, holder);
    await takeUp(world, heir, third);
    const first = holderOf(world);
    await remove(world, heir);
    await takeUp(world, heir, third);

    expect([first, holderOf(world)]).toEqual(['team-a/heir', 'team-a/third']);
  });

  test('is the only one that the mark of the former owner lets in', async () => {
    const world = await contestedWorld(heir);
    await remove(world, holder);

    await world.follow('app/third', third);

    expect(world.results.at(-1)).toMatchObject({ sync: 'team-a/third', change: 'conflict' });
    expect(holderOf(world)).toBe('team-a/holder');
  });

  test('is let in by it once only', async () => {
    const world = await contestedWorld(heir);
    const { owner, ref } = world.aws.copies.get('x')!;
    await remove(world, holder);
    await takeUp(world, heir);
    world.aws.place('x', { owner, ref });

    await world.follow('app/heir', heir, { verify: true });

    expect(world.results.at(-1)).toMatchObject({ change: 'conflict' });
    expect(holderOf(world)).toBe('team-a/holder');
  });

  test.each<[string, (world: FakeWorld) => unknown]>([
    ['is gone meanwhile', (world) => world.gone.add('team-a/heir')],
    [
      'wants another name meanwhile',
      (world) => {
        const edited = wanting('heir', 2, { wishes: { dest: [{ aws: { name: 'y' } }] }, object: { generation: 2 } });
        return world.reconcile(edited);
      },
    ],
  ])('does not get it if it %s: the copy is deleted', async (_title, change) => {
    const world = await contestedWorld(heir);
    await change(world);

    await remove(world, holder);

    expect(world.aws.copies.has('x')).toBe(false);
    expect(world.woken).toEqual([]);
  });

  test('does not get the copy of a source that is gone for it as well', async () => {
    const rival = wanting('heir', 2, { wishes: { path: 'secret/app/holder' } });
    const world = await contestedWorld();
    await world.follow('app/holder', rival);
    world.vault.delete('app/holder');

    await world.follow('app/holder', [holder, rival]);

    expect(world.aws.copies.has('x')).toBe(false);
    expect(world.woken).toEqual([]);
  });

  test('deletes what was handed over where its own source is gone by then', async () => {
    const world = await contestedWorld(heir);
    await remove(world, holder);
    world.vault.delete('app/heir');

    await takeUp(world, heir);

    expect(world.aws.copies.has('x')).toBe(false);
    expect(world.results.at(-1)).toMatchObject({ sync: 'team-a/heir', change: 'deleted' });
  });

  test.each<[string, (world: FakeWorld) => Promise<unknown>]>([
    ['it has not tried to take', async () => undefined],
    [
      'it could not take yet',
      async (world) => {
        world.aws.failing.set('write', answerLost());
        await takeUp(world, heir);
        world.aws.failing.clear();
      },
    ],
  ])('keeps what was handed over, and what %s, from the last sweep of the former owner', async (_title, before) => {
    const world = await contestedWorld(heir);
    const wishes = { dest: [{ aws: { name: 'y' } }] };
    const renamed = wanting('holder', 1, { wishes, object: { generation: 2 } });
    await world.reconcile(renamed);
    await before(world);

    await remove(world, renamed);
    const between = holderOf(world);
    await world.follow('app/heir', heir);

    expect([between, holderOf(world)]).toEqual(['team-a/holder', 'team-a/heir']);
  });

  test('is no dry run', async () => {
    const world = await contestedWorld(wanting('heir', 2, { wishes: { dryRun: true } }));

    await remove(world, holder);

    expect(world.aws.copies.has('x')).toBe(false);
  });

  test('is noted once, and with no more than 31 others', async () => {
    const world = await contestedWorld(heir, heir);
    for (let index = 10; index < 50; index++) await world.follow('app/heir', wanting('heir', index, named(index)));

    const [noted] = [...world.ledger.facts].filter(([fact]) => fact.startsWith('*waiting'));

    const waiting = JSON.parse(noted![1]) as { sync: string }[];
    expect(waiting).toHaveLength(32);
    expect(waiting.filter(({ sync }) => sync === 'team-a/heir')).toHaveLength(1);
  });
});

describe('what a sync only complained of', () => {
  test('is not given away when it goes: it never had it', async () => {
    const world = new FakeWorld();
    for (const { name } of [holder, heir]) world.vault.put(`app/${name}`, { user: name });
    world.aws.place('x', { owner: 'theirs', ref: 'other/sync' });
    await world.follow('app/holder', holder);
    await world.follow('app/heir', heir);

    await remove(world, holder);

    expect(world.woken).toEqual([]);
    expect(holderOf(world)).toBe('other/sync');
  });
});

describe('a name that a deletion has left in the store', () => {
  /** The holder's secret is gone, and the store keeps what was deleted for a while. */
  async function worldWithPendingDeletion(): Promise<FakeWorld> {
    const world = await contestedWorld();
    const stored = world.aws.copies.get('x');
    world.vault.delete('app/holder');
    await world.follow('app/holder', holder);
    world.aws.place('x', { ...stored, existence: 'pendingDeletion' });
    return world;
  }

  test('is free for another sync of the installation', async () => {
    const world = await worldWithPendingDeletion();

    await world.follow('app/heir', heir);

    expect(world.aws.copies.get('x')).toMatchObject({
      ref: expect.stringMatching(/^team-a\/heir /),
      existence: 'live',
    });
    expect(world.ledger.entries.get(copyX)).toMatchObject({ sync: 'team-a/heir', state: 'synced' });
  });

  test('is not free where it bears the mark of somebody else', async () => {
    const world = await worldWithPendingDeletion();
    world.aws.place('x', { owner: 'theirs', existence: 'pendingDeletion' });

    await world.follow('app/heir', heir);

    expect(world.results.at(-1)).toMatchObject({ change: 'conflict' });
  });
});

async function loseSource(world: FakeWorld): Promise<void> {
  world.vault.delete('app/holder');
  await world.follow('app/holder', holder);
}

function named(index: number) {
  return { object: { name: `heir-${index}` } };
}
