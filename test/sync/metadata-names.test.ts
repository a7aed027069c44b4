import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const named = { path: 'secret/(.*)/db', dest: [{ aws: { name: '{{ .metadata.app }}/$1' } }] };
const sync = someSync(named);

async function worldOf(of: ReturnType<typeof someSync>, metadata: Record<string, string>): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('team/db', { user: 'ada' }, metadata);
  await world.reconcile(of);
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

function copiesIn({ aws }: FakeWorld): string[] {
  return [...aws.copies.keys()].sort();
}

describe('a copy that is named after metadata', () => {
  test('has them in its name, beside what the path captured', async () => {
    const world = await worldOf(sync, { app: 'shop' });

    expect(world.aws.values()).toEqual({ 'shop/team': '{"user":"ada"}' });
  });

  test('costs one read and one write when its secret changes', async () => {
    const world = await worldOf(sync, { app: 'shop' });
    world.vault.put('team/db', { user: 'eve' });

    await world.follow('team/db', sync);

    expect(world.vault.reads).toBe(1);
    expect(world.aws.calls).toEqual(['write shop/team']);
  });

  test('is made under the new name when the metadata change, and the sync is named for a reconcile as a whole', async () => {
    const world = await worldOf(sync, { app: 'shop' });
    world.vault.setMetadata('team/db', { app: 'store' });

    const { resync } = await world.follow('team/db', sync);

    expect(copiesIn(world)).toEqual(['shop/team', 'store/team']);
    expect(resync).toEqual(['team-a/db']);
  });

  test.each([
    ['Retain' as const, ['shop/team', 'store/team']],
    ['Delete' as const, ['store/team']],
  ])('under its old name is left to removalPolicy: %s, once', async (removalPolicy, left) => {
    const policy = someSync({ ...named, removalPolicy });
    const world = await worldOf(policy, { app: 'shop' });
    world.vault.setMetadata('team/db', { app: 'store' });
    await world.follow('team/db', policy);

    await world.reconcile(policy);
    const { resync } = await world.follow('team/db', policy);

    expect(copiesIn(world)).toEqual(left);
    expect(resync).toEqual([]);
  });

  test('is refused without the metadata, and a copy that is there is kept', async () => {
    const world = await worldOf(sync, { app: 'shop' });
    world.vault.setMetadata('team/db', {});

    await world.follow('team/db', sync);
    await world.reconcile(sync);

    expect(world.results.map(({ change, reason }) => [change, reason])).toEqual(
      Array(2).fill(['failed', 'NameIncomplete']),
    );
    expect(world.results[0]?.message).toContain('asks for .metadata.app that the secret secret/team/db does not have');
    expect(world.results[0]?.retry).toBeNull();
    expect(copiesIn(world)).toEqual(['shop/team']);
  });

  test('is made, and the complaint ends, as soon as the metadata are there', async () => {
    const world = await worldOf(sync, {});
    world.vault.setMetadata('team/db', { app: 'shop' });

    await world.follow('team/db', sync);

    expect(copiesIn(world)).toEqual(['shop/team']);
    expect([...world.ledger.entries.keys()]).toEqual(['aws:eu-west-1:/shop/team']);
  });

  test('goes when its secret goes, though nothing tells its name any more', async () => {
    const world = await worldOf(sync, { app: 'shop' });
    world.vault.deleteMetadata('team/db');

    await world.follow('team/db', sync);

    expect(copiesIn(world)).toEqual([]);
    expect(world.results.map(({ name, change }) => [name, change])).toEqual([['shop/team', 'deleted']]);
  });

  test('goes when its secret goes although a crash left it unrecorded', async () => {
    const world = new FakeWorld();
    world.vault.put('team/db', { user: 'ada' }, { app: 'shop' });
    world.ledger.failing = new Error('crashed');
    await expect(world.follow('team/db', sync)).rejects.toThrow('crashed');
    world.ledger.failing = null;
    world.vault.delete('team/db');

    await world.follow('team/db', sync);

    expect(copiesIn(world)).toEqual([]);
  });

  test('of two secrets that meet in one name is that of the first to have it', async () => {
    const meeting = someSync({ path: 'secret/app/*', dest: [{ aws: { name: '{{ .metadata.app }}' } }] });
    const world = new FakeWorld();
    world.vault.put('app/a', { of: 'a' }, { app: 'shop' });
    await world.reconcile(meeting);
    world.vault.put('app/b', { of: 'b' }, { app: 'shop' });

    await world.follow('app/b', meeting);
    await world.reconcile(meeting);

    expect(world.aws.values()).toEqual({ shop: '{"of":"a"}' });
    expect(world.results.filter(({ reason }) => reason === 'NameCollision')).toHaveLength(2);
  });

  test('that a newer manifest names otherwise is not named by an older one', async () => {
    const world = await worldOf(sync, { app: 'shop' });
    const outdated = world.resolve(sync);
    const edited = someSync({ ...named, dest: [{ aws: { name: 'new-{{ .metadata.app }}' } }] }, { generation: 2 });
    await world.reconcile(edited);
    const known = [...world.ledger.facts];

    await world.follow('team/db', [], { syncs: [outdated] });

    expect([...world.ledger.facts]).toEqual(known);
  });
});

describe('tags that are made of metadata', () => {
  const tagging = someSync({
    path: 'secret/team/db',
    dest: [{ aws: { tags: { team: '{{ .metadata.team }}', of: '{{ .base }}' } } }],
  });

  function tagsIn({ aws }: FakeWorld): unknown {
    return aws.copies.get('team/db')?.tags;
  }

  test('are filled in', async () => {
    const world = await worldOf(tagging, { team: 'a' });

    expect(tagsIn(world)).toEqual({ team: 'a', of: 'db' });
  });

  test('are empty where the metadata are missing', async () => {
    const world = await worldOf(tagging, {});

    expect(tagsIn(world)).toEqual({ team: '', of: 'db' });
  });

  test('follow a change of the metadata, which is no new version, and leave the value alone', async () => {
    const world = await worldOf(tagging, { team: 'a' });
    world.vault.setMetadata('team/db', { team: 'b' });

    await world.follow('team/db', tagging);

    expect(tagsIn(world)).toEqual({ team: 'b', of: 'db' });
    expect(world.aws.calls).toEqual(['describe team/db', 'write team/db']);
    expect(world.results.map(({ change }) => change)).toEqual(['metadataUpdated']);
  });

  test('that do not change cost nothing when other metadata do', async () => {
    const world = await worldOf(tagging, { team: 'a' });
    world.vault.setMetadata('team/db', { team: 'a', note: 'x' });

    await world.follow('team/db', tagging);

    expect(world.calls()).toEqual([]);
  });

  test('that somebody else has changed are put right by a reconcile, without touching the value', async () => {
    const world = await worldOf(tagging, { team: 'a' });
    world.aws.place('team/db', { ...world.aws.copies.get('team/db'), tags: { team: 'hand' } });

    await world.reconcile(tagging);

    expect(world.results.map(({ change }) => change)).toEqual(['metadataUpdated']);
    expect(tagsIn(world)).toEqual({ team: 'a', of: 'db' });
  });
});
