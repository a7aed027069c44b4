import { describe, expect, test } from '@jest/globals';
import { answerLost } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const perKey = { dest: [{ aws: { granularity: 'key' as const } }] };
const sync = someSync(perKey);
const source = '["main","","secret","app/db"]';

async function keysInSync(of = sync): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada', password: 'secret' });
  await world.reconcile(of);
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

function changes({ results }: FakeWorld): string[] {
  return results.map(({ name, change }) => `${name} ${change}`).sort();
}

describe('one copy for each key of a secret', () => {
  test('has the value of that key alone, as it is', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', port: 5432, list: [1, 'a'] });

    await world.reconcile(sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada', 'app/db/port': '5432', 'app/db/list': '[1,"a"]' });
    expect(world.ledger.entries.get('aws:eu-west-1:/app/db/user')).toMatchObject({
      state: 'synced',
      key: 'user',
      source,
    });
  });

  test('costs one read and one write when one key changes', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'eve', password: 'secret' });

    await world.follow('app/db', sync);

    expect(world.vault.reads).toBe(1);
    expect(world.aws.calls).toEqual(['write app/db/user']);
    expect(changes(world)).toEqual(['app/db/password unchanged', 'app/db/user updated']);
  });

  test('is made when a key is added, by one write', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'ada', password: 'secret', host: 'db1' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toMatchObject({ 'app/db/host': 'db1' });
    expect(world.aws.callsOf('write')).toEqual(['write app/db/host']);
  });

  test('goes when its key goes: a successful read without the key is the proof', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'ada' });

    const { resync } = await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
    expect(changes(world)).toEqual(['app/db/password deleted', 'app/db/user unchanged']);
    expect(resync).toEqual([]);
  });

  test('goes in a full reconcile too', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'ada' });

    await world.reconcile(sync);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
    expect(changes(world)).toContain('app/db/password deleted');
  });

  test('is kept by deletionPolicy: Retain when its key goes', async () => {
    const retaining = someSync({ ...perKey, deletionPolicy: 'Retain' });
    const world = await keysInSync(retaining);
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', retaining);

    expect(world.aws.copies.size).toBe(2);
    expect(changes(world)).toContain('app/db/password retained');
  });

  test('comes back with its key', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);
    world.vault.put('app/db', { user: 'ada', password: 'new' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toMatchObject({ 'app/db/password': 'new' });
  });

  test('goes with all others when the secret goes', async () => {
    const world = await keysInSync();
    world.vault.delete('app/db');

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({});
    expect(changes(world)).toEqual(['app/db/password deleted', 'app/db/user deleted']);
  });

  test('stays with all others when the secret is missing without proof', async () => {
    const world = await keysInSync();
    world.vault.remount();

    await world.follow('app/db', sync);
    await world.reconcile(sync);

    expect(world.aws.copies.size).toBe(2);
    expect(new Set(world.results.map(({ reason }) => reason))).toEqual(new Set(['SourceNotFound']));
  });

  test('is not brought back by a standby that still has its key', async () => {
    const world = await keysInSync();
    const before = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);
    world.vault.lagging = before;

    const { outcome } = await world.follow('app/db', sync);

    expect(outcome).toBe('later');
    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
  });

  test('is not made of an older reading that only the other copies know to be old', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', draft: 'x' });
    const before = world.vault.answer('app/db');
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'ada' });
    await world.reconcile(sync);
    world.vault.lagging = before;

    const { outcome } = await world.follow('app/db', sync);

    expect(outcome).toBe('later');
    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada' });
  });

  test('of a key with a strange name is one like any other', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', JSON.parse('{"__proto__":"a","constructor":"b"}'));
    await world.reconcile(sync);
    world.vault.put('app/db', { constructor: 'b' });

    await world.follow('app/db', sync);

    expect(world.aws.values()).toEqual({ 'app/db/constructor': 'b' });
  });
});

describe('a copy of a key that fails', () => {
  test('is tried again alone, and the others are left alone', async () => {
    const world = await keysInSync();
    world.vault.put('app/db', { user: 'eve', password: 'changed' });
    const write = world.aws.write.bind(world.aws);
    world.aws.write = (desired, premise, signal) =>
      desired.name === 'app/db/user' ? Promise.reject(answerLost()) : write(desired, premise, signal);
    await world.follow('app/db', sync);
    world.aws.write = write;
    const failed = world.results.find(({ change }) => change === 'failed');
    world.quiet();

    await world.follow('app/db', sync, { only: failed?.copy ?? '', verify: true });

    expect(failed).toMatchObject({ name: 'app/db/user', retry: { countsAsAttempt: true } });
    expect(world.aws.calls).toEqual(['describe app/db/user', 'write app/db/user']);
    expect(changes(world)).toEqual(['app/db/user updated']);
    expect(world.aws.values()).toEqual({ 'app/db/user': 'eve', 'app/db/password': 'changed' });
  });

  test('because its place could not be opened is made once it can, all of them', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada', password: 'secret' });
    const target = world.target.bind(world);
    world.target = () => Promise.reject(new Error('no such file'));
    const [refused] = (await world.follow('app/db', sync)).results;
    world.target = target;

    await world.follow('app/db', sync, { only: refused?.copy ?? '', verify: true });

    expect(refused).toMatchObject({ change: 'failed', retry: { countsAsAttempt: true } });
    expect(world.aws.copies.size).toBe(2);
    expect([...world.ledger.entries.values()].map(({ state }) => state)).toEqual(['synced', 'synced']);
  });
});
