import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

function pinnedTo(version: number | undefined, generation = 1, policies: Parameters<typeof someSync>[0] = {}) {
  return someSync({ ...policies, source: version === undefined ? {} : { version } }, { generation });
}

const second = pinnedTo(2);

/** Three versions in Vault, a minute apart; the copy is of the second. */
async function pinnedWorld(sync = second): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (const user of ['ada', 'eve', 'joe']) {
    world.vault.put('app/db', { user });
    world.clock.now += 60_000;
  }
  await world.reconcile(sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

function valueIn({ aws }: FakeWorld): string | undefined {
  return aws.copies.get('app/db')?.value;
}

describe('a sync that is pinned to a version', () => {
  test('copies that version, though there are later ones', async () => {
    const world = await pinnedWorld();

    expect(valueIn(world)).toBe('{"user":"eve"}');
    expect(world.ledger.entries.get('aws:eu-west-1:/app/db')).toMatchObject({ state: 'synced', version: 2 });
  });

  test('writes nothing when a new version is put', async () => {
    const world = await pinnedWorld();
    world.vault.put('app/db', { user: 'zoe' });
    const now = world.clock.now;

    const { outcome } = await world.follow('app/db', second, { heard: { version: 4, versionAt: now, at: now } });

    expect(outcome).toBe('done');
    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ change }) => change)).toEqual(['unchanged']);
  });

  test.each([
    ['back', 1, 'ada'],
    ['forth', 3, 'joe'],
    ['away', undefined, 'joe'],
  ])('writes at once what is asked for when the pin is moved %s', async (_title, version, user) => {
    const world = await pinnedWorld();

    const { later } = await world.reconcile(pinnedTo(version, 2));

    expect(later).toEqual([]);
    expect(valueIn(world)).toBe(`{"user":"${user}"}`);
  });

  test('writes at once when a pin is set on what was copied before', async () => {
    const world = await pinnedWorld(pinnedTo(undefined));

    await world.follow('app/db', pinnedTo(1, 2));

    expect(valueIn(world)).toBe('{"user":"ada"}');
  });

  test.each(['delete', 'destroy'] as const)('after a %s of that version follows deletionPolicy', async (end) => {
    const [deleting, retaining] = [await pinnedWorld(), await pinnedWorld()];
    for (const { vault } of [deleting, retaining]) vault[end]('app/db', 2);

    await deleting.follow('app/db', second);
    await retaining.follow('app/db', pinnedTo(2, 2, { deletionPolicy: 'Retain' }));

    expect(valueIn(deleting)).toBeUndefined();
    expect(valueIn(retaining)).toBe('{"user":"eve"}');
    expect(retaining.results.at(-1)?.change).toBe('retained');
  });

  test('does not mind when another version is deleted', async () => {
    const world = await pinnedWorld();
    world.vault.delete('app/db', 3);
    world.vault.destroy('app/db', 1);

    await world.follow('app/db', second);
    await world.reconcile(second);

    expect(valueIn(world)).toBe('{"user":"eve"}');
  });

  test('whose version was deleted believes no standby that has not heard of it', async () => {
    const world = await pinnedWorld();
    const before = world.vault.answer('app/db', 2);
    world.vault.delete('app/db', 2);
    await world.follow('app/db', second);
    world.vault.lagging = before;

    const { outcome } = await world.follow('app/db', second);

    expect(outcome).toBe('later');
    expect(valueIn(world)).toBeUndefined();
  });

  test('that never was says so, and deletes no copy that is there', async () => {
    const world = await pinnedWorld();
    const missing = pinnedTo(9, 2);

    const { whole } = await world.reconcile(missing);
    await world.follow('app/db', missing);

    expect(whole).toBe(false);
    expect(valueIn(world)).toBe('{"user":"eve"}');
    expect(world.results.at(-1)).toMatchObject({ change: 'failed', reason: 'SourceNotFound' });
  });

  test('of a secret that is gone with all its versions deletes nothing: a version that never was looks the same', async () => {
    const world = await pinnedWorld();
    world.vault.deleteMetadata('app/db');

    await world.follow('app/db', second);
    await world.reconcile(second);

    expect(valueIn(world)).toBe('{"user":"eve"}');
  });

  test('copies the new life of a secret once it has that version', async () => {
    const world = await pinnedWorld();
    world.vault.deleteMetadata('app/db');
    for (const user of ['kim', 'lee']) world.vault.put('app/db', { user });

    const { outcome } = await world.follow('app/db', second);

    expect(outcome).toBe('done');
    expect(valueIn(world)).toBe('{"user":"lee"}');
  });

  test('and the same secret without a pin are read and copied each for itself', async () => {
    const world = await pinnedWorld();
    const latest = someSync({ dest: [{ aws: { name: 'latest' } }] }, { name: 'latest' });

    await world.follow('app/db', [second, latest]);

    expect(world.vault.reads).toBe(2);
    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"eve"}', latest: '{"user":"joe"}' });
  });
});

test('KV v1 has one version, whatever is asked for', async () => {
  const world = new FakeWorld();
  world.vault.kvVersion = 1;
  world.vault.put('app/db', { user: 'ada' });

  await world.reconcile(pinnedTo(7));

  expect(valueIn(world)).toBe('{"user":"ada"}');
});
