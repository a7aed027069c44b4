import { describe, expect, test } from '@jest/globals';
import type { FakeWorld } from './fake-world.ts';
import { worldInSync } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });
const copyInAws = 'aws:eu-west-1:/app/db';
const hour = 60 * 60_000;

/** A world in which the secret was deleted, and its copies with it. */
async function worldAfterDeletion(): Promise<FakeWorld> {
  const world = await worldInSync(sync);
  world.vault.delete('app/db');
  await world.follow('app/db', sync, { heard: heardAt(world) });
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

/** What an event that comes now tells; that of a deletion or an undelete carries no version. */
function heardAt(world: FakeWorld) {
  return { version: null, versionAt: world.clock.now, at: world.clock.now };
}

function statesIn(world: FakeWorld): string[] {
  return [...world.ledger.entries.values()].map(({ state }) => state);
}

describe('a copy that was deleted', () => {
  test('is remembered with its version, and with nothing that was written', async () => {
    const world = await worldAfterDeletion();

    expect(statesIn(world)).toEqual(['deleted', 'deleted', 'deleted']);
    expect(world.ledger.entries.get(copyInAws)).toMatchObject({
      version: 1,
      fingerprint: null,
      versionId: null,
      stalled: false,
      unwell: false,
    });
  });

  test('is not brought back by a standby that lags', async () => {
    const world = await worldAfterDeletion();
    world.vault.undelete('app/db');
    const older = world.vault.answer('app/db');
    world.vault.delete('app/db');
    world.vault.lagging = older;

    const { outcome } = await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(outcome).toBe('later');
    expect(world.aws.copies.size).toBe(0);
    expect(world.stores.flatMap((store) => store.callsOf('write'))).toEqual([]);
  });

  test('is not brought back by a standby that lags, once the deletion was heard of again', async () => {
    const world = await worldAfterDeletion();
    await world.follow('app/db', sync, { heard: heardAt(world) });
    world.vault.undelete('app/db');

    const { outcome } = await world.follow('app/db', sync, { heard: { ...heardAt(world), at: world.clock.now - 1 } });

    expect(outcome).toBe('later');
  });

  test('comes back at once when an undelete is heard of', async () => {
    const world = await worldAfterDeletion();
    world.vault.undelete('app/db');

    await world.follow('app/db', sync, { heard: heardAt(world) });

    expect(world.stores.map(({ copies }) => copies.get('app/db')?.value)).toEqual(Array(3).fill('{"user":"ada"}'));
    expect(statesIn(world)).toEqual(['synced', 'synced', 'synced']);
  });

  test('comes back after 60 s when an undelete is only seen', async () => {
    const world = await worldAfterDeletion();
    world.vault.undelete('app/db');

    const early = await world.reconcile(sync);
    world.clock.now += 60_000;
    const late = await world.reconcile(sync);

    expect([early.later.length, late.later.length]).toEqual([1, 0]);
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"ada"}');
  });

  test('comes back at once with a new version, heard of or not', async () => {
    const world = await worldAfterDeletion();
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', sync);

    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('costs one read and no look at a store when its deletion is heard of again', async () => {
    const world = await worldAfterDeletion();

    await world.follow('app/db', sync);

    expect(world.vault.reads).toBe(1);
    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ change }) => change)).toEqual(['absent', 'absent', 'absent']);
  });

  test('is remembered too where the process died before it could note the deletion', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');
    world.ledger.failing = new Error('crashed');
    await world.follow('app/db', sync).catch(() => undefined);
    world.ledger.failing = null;

    await world.follow('app/db', sync);

    expect(world.aws.copies.size).toBe(0);
    expect(statesIn(world)).toEqual(['deleted', 'deleted', 'deleted']);
  });

  test('is remembered for an hour, and forgotten by the next full reconcile', async () => {
    const world = await worldAfterDeletion();

    for (const minutes of [20, 20, 19]) {
      world.clock.now += minutes * 60_000;
      await world.reconcile(sync);
    }
    const kept = statesIn(world);
    world.clock.now += hour / 60;
    await world.reconcile(sync);

    expect(kept).toEqual(['deleted', 'deleted', 'deleted']);
    expect(statesIn(world)).toEqual([]);
  });

  test('is remembered for an hour too where its secret is not selected any more', async () => {
    const world = await worldAfterDeletion();
    const other = someSync({ path: 'secret/app/other' }, { generation: 2 });

    await world.reconcile(other);
    const kept = statesIn(world);
    world.clock.now += hour;
    await world.reconcile(other);

    expect(kept).toEqual(['deleted', 'deleted', 'deleted']);
    expect(statesIn(world)).toEqual([]);
  });

  test('is nothing to complain of when the mount is made anew', async () => {
    const world = await worldAfterDeletion();
    world.vault.remount();

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(world.results.filter(({ change }) => change !== 'absent')).toEqual([]);
    expect(statesIn(world)).toEqual(['deleted', 'deleted', 'deleted']);
  });

  test('bars no other secret of the sync from its name', async () => {
    const world = await worldInSync(someSync({ dest: [{ aws: { name: 'x' } }] }));
    world.vault.delete('app/db');
    await world.follow('app/db', someSync({ dest: [{ aws: { name: 'x' } }] }));
    world.vault.put('app/web', { user: 'web' });

    await world.follow(
      'app/web',
      someSync({ path: 'secret/app/web', dest: [{ aws: { name: 'x' } }] }, { generation: 2 }),
    );

    expect(world.aws.copies.get('x')?.value).toBe('{"user":"web"}');
  });
});
