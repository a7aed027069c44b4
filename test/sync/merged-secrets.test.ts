import { describe, expect, test } from '@jest/globals';
import type { SecretRead } from '../../src/vault/contract.ts';
import { sourceUnavailable } from './fake-vault.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const paths = ['secret/app/base', 'secret/app/team', 'secret/app/own'];
const merging = { source: { paths, merge: true }, dest: [{ aws: { name: 'app' } }] };
const sync = someSync(merging);
const copyId = 'aws:eu-west-1:/app';

/** Three secrets merged into one copy: version 1, 2 and 1. */
async function mergedWorld(of = sync): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/base', { host: 'base', port: 1, base: true });
  world.vault.put('app/team', { draft: true });
  world.vault.put('app/team', { host: 'team', team: true });
  world.vault.put('app/own', { host: 'own' });
  world.clock.now += 1_000;
  await world.reconcile(of);
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

function valueIn({ aws }: FakeWorld): unknown {
  const value = aws.copies.get('app')?.value;
  return value === undefined ? undefined : JSON.parse(value);
}

function heardAt(world: FakeWorld, version: number | null = null) {
  return { version, versionAt: world.clock.now, at: world.clock.now };
}

/** A standby that has not heard of what happened to one secret; of the others it says the truth. */
function lagBehind(world: FakeWorld, name: string, said: SecretRead): void {
  const answer = world.vault.answer.bind(world.vault);
  world.vault.answer = (of, pinned) => (of === name ? said : answer(of, pinned));
}

describe('several secrets merged into one copy', () => {
  test('have all their keys in it, those of a later path over those of an earlier one', async () => {
    const world = await mergedWorld();

    expect(valueIn(world)).toEqual({ host: 'own', port: 1, base: true, team: true });
    expect(world.aws.copies.size).toBe(1);
  });

  test('in another order have another winner', async () => {
    const world = await mergedWorld();

    await world.reconcile(
      someSync({ ...merging, source: { paths: [...paths].reverse(), merge: true } }, { generation: 2 }),
    );

    expect(valueIn(world)).toMatchObject({ host: 'base' });
    expect(world.aws.copies.size).toBe(1);
  });

  test('count as one version, the sum of theirs, and remember each', async () => {
    const world = await mergedWorld();

    expect(world.aws.copies.get('app')?.state).toMatch(/^4\./);
    expect(world.ledger.entries.get(copyId)).toMatchObject({
      version: 4,
      parts: [{ version: 1 }, { version: 2 }, { version: 1 }],
    });
  });

  test.each(['app/base', 'app/team', 'app/own'])('are written again when %s changes', async (name) => {
    const world = await mergedWorld();
    world.vault.put(name, { host: 'new' });

    await world.follow(name, sync, { heard: heardAt(world) });

    expect(world.aws.calls).toEqual(['write app']);
    expect(world.vault.reads).toBe(3);
    expect(world.aws.copies.get('app')?.state).toMatch(/^5\./);
  });

  test('lose the keys of one that is gone', async () => {
    const world = await mergedWorld();
    world.vault.delete('app/own');
    world.vault.destroy('app/team');

    await world.follow('app/own', sync, { heard: heardAt(world) });

    expect(valueIn(world)).toEqual({ host: 'base', port: 1, base: true });
  });

  test('lose the keys of one that is gone with its metadata, for the mount is the same', async () => {
    const world = await mergedWorld();
    world.vault.deleteMetadata('app/own');

    await world.follow('app/own', sync, { heard: heardAt(world) });

    expect(valueIn(world)).toMatchObject({ host: 'team' });
  });

  test('are left as they are when one is missing without proof', async () => {
    const world = await mergedWorld();
    const before = valueIn(world);
    world.vault.deleteMetadata('app/own');
    world.vault.mountUuid = 'another';

    await world.follow('app/own', sync);
    await world.reconcile(sync);

    expect(valueIn(world)).toEqual(before);
    expect(world.aws.callsOf('write', 'remove')).toEqual([]);
    expect(world.results.at(-1)).toMatchObject({ change: 'failed', reason: 'SourceNotFound' });
  });

  test('are left as they are when one cannot be read', async () => {
    const world = await mergedWorld();
    const { vault } = world;
    vault.put('app/base', { host: 'new' });
    const read = vault.read.bind(vault);
    vault.read = async (place, signal) => {
      if (place.name === 'app/team') throw sourceUnavailable('VaultSealed');
      return read(place, signal);
    };

    const { outcome } = await world.follow('app/base', sync);

    expect(outcome).toBe('unread');
    expect(world.calls()).toEqual([]);
  });

  test.each([
    ['Delete' as const, undefined, 'deleted'],
    ['Retain' as const, { host: 'own', port: 1, base: true, team: true }, 'retained'],
  ])('that are all gone follow deletionPolicy: %s', async (deletionPolicy, left, change) => {
    const of = someSync({ ...merging, deletionPolicy });
    const world = await mergedWorld(of);
    for (const name of ['app/base', 'app/team', 'app/own']) world.vault.delete(name);

    await world.follow('app/team', of, { heard: heardAt(world) });

    expect(valueIn(world)).toEqual(left);
    expect(world.results.at(-1)?.change).toBe(change);
  });

  test('come back with the first of them that comes back', async () => {
    const world = await mergedWorld();
    for (const name of ['app/base', 'app/team', 'app/own']) world.vault.delete(name);
    await world.follow('app/team', sync, { heard: heardAt(world) });
    world.clock.now += 1_000;
    world.vault.undelete('app/team');

    const { outcome } = await world.follow('app/team', sync, { heard: heardAt(world) });

    expect(outcome).toBe('done');
    expect(valueIn(world)).toEqual({ host: 'team', team: true });
  });

  test('of which one was never written are copied without it, in the first reconcile already', async () => {
    const world = new FakeWorld();
    world.vault.put('app/base', { host: 'base' });

    const { whole } = await world.reconcile(sync);

    expect(whole).toBe(true);
    expect(valueIn(world)).toEqual({ host: 'base' });
  });

  test('of which one was never seen, beside a copy of ours, wait for a proof', async () => {
    const world = await mergedWorld();
    const before = valueIn(world);
    world.ledger.lose();
    world.vault.deleteMetadata('app/own');

    const { whole } = await world.reconcile(sync);

    expect(whole).toBe(false);
    expect(valueIn(world)).toEqual(before);
  });

  test('can have keys in common with nothing but a rename between them', async () => {
    const world = new FakeWorld();
    world.vault.put('app/base', { password: 'one' });
    world.vault.put('app/team', { secret: 'two' });
    world.vault.put('app/own', {});
    const rename = [{ from: 'secret', to: 'password' }];

    await world.reconcile(someSync({ ...merging, transforms: { rename } }));

    expect(world.results.at(-1)).toMatchObject({ change: 'failed', reason: 'KeysMeet' });
    expect(world.aws.copies.size).toBe(0);
  });
});

describe('an older reading of one merged secret', () => {
  test('is doubted, though the others are newer', async () => {
    const world = await mergedWorld();
    lagBehind(world, 'app/team', { ...world.vault.answer('app/team', 1) });
    for (let count = 0; count < 5; count++) world.vault.put('app/base', { host: 'newer' });

    const { outcome } = await world.follow('app/base', sync, { heard: heardAt(world, 6) });

    expect(outcome).toBe('later');
    expect(world.calls()).toEqual([]);
  });

  test('is doubted by what was heard of that one, and of no other', async () => {
    const world = await mergedWorld();
    world.vault.put('app/base', { host: 'new' });

    const own = await world.follow('app/own', sync, { heard: heardAt(world, 2) });
    const base = await world.follow('app/base', sync, { heard: heardAt(world, 2) });

    expect([own.outcome, base.outcome]).toEqual(['later', 'done']);
  });

  test('is believed when Vault has said so for a minute', async () => {
    const world = await mergedWorld();
    lagBehind(world, 'app/team', { ...world.vault.answer('app/team', 1) });
    await world.follow('app/team', sync);
    world.clock.now += 60_000;

    const { outcome } = await world.follow('app/team', sync);

    expect(outcome).toBe('done');
    expect(valueIn(world)).toMatchObject({ draft: true });
  });

  test('does not bring back the keys of one whose end was followed', async () => {
    const world = await mergedWorld();
    const before = world.vault.answer('app/own');
    world.vault.delete('app/own');
    await world.follow('app/own', sync, { heard: heardAt(world) });
    lagBehind(world, 'app/own', before);
    world.clock.now += 1_000;

    const { outcome } = await world.follow('app/base', sync, { heard: heardAt(world) });

    expect(outcome).toBe('later');
    expect(valueIn(world)).toMatchObject({ host: 'team' });
  });

  test('new life of one of them is written at once', async () => {
    const world = await mergedWorld();
    world.vault.deleteMetadata('app/team');
    world.vault.put('app/team', { reborn: true });

    const { outcome } = await world.follow('app/team', sync, { heard: heardAt(world, 1) });

    expect(outcome).toBe('done');
    expect(world.aws.copies.get('app')?.state).toMatch(/^3\./);
  });
});

describe('what is merged', () => {
  test('is only what filters and excludes leave', async () => {
    const world = await mergedWorld();
    const exclude = ['secret/app/team'];

    await world.reconcile(someSync({ ...merging, source: { paths, merge: true, exclude } }, { generation: 2 }));

    expect(valueIn(world)).toEqual({ host: 'own', port: 1, base: true });
  });

  test('may lie in several mounts', async () => {
    const world = new FakeWorld();
    world.vault.put('app', { host: 'secret', a: 1 });
    world.vault.mounted('kv').put('app', { host: 'kv' });

    await world.reconcile(someSync({ ...merging, source: { paths: ['secret/app', 'kv/app'], merge: true } }));

    expect(valueIn(world)).toEqual({ host: 'kv', a: 1 });
  });

  test('has the metadata of all of them, those of a later path first', async () => {
    const world = new FakeWorld();
    world.vault.put('app/base', { a: 1 }, { team: 'a', tier: 'low' });
    world.vault.put('app/team', { b: 2 }, { tier: 'high' });
    world.vault.put('app/own', { c: 3 });

    await world.reconcile(
      someSync({ ...merging, dest: [{ aws: { name: '{{ .metadata.team }}-{{ .metadata.tier }}' } }] }),
    );

    expect([...world.aws.copies.keys()]).toEqual(['a-high']);
  });

  test('must be written out', () => {
    const globs = someSync({ ...merging, source: { paths: ['secret/app/*'], merge: true } });

    expect(() => new FakeWorld().resolve(globs)).toThrow(
      'replace the glob or pattern in source.paths by the paths that are meant',
    );
  });
});
