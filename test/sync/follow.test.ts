import { describe, expect, test } from '@jest/globals';
import { FakeWorld, worldInSync } from './fake-world.ts';
import { everywhere, someSync } from './some-sync.ts';

const sync = someSync({ dest: everywhere });

function changes(world: FakeWorld): string[] {
  return world.results.map(({ destination, change }) => `${destination} ${change}`);
}

describe('a change of one secret', () => {
  test('a new secret becomes a copy in every destination, each marked as ours', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });

    const { outcome } = await world.follow('app/db', sync);

    expect(outcome).toBe('done');
    expect(changes(world)).toEqual(['aws:eu-west-1: created', 'azure:team-a created', 'gcp:team-a created']);
    for (const store of world.stores) {
      expect(store.copies.get('app/db')).toMatchObject({
        value: '{"user":"ada"}',
        owner: world.resolve(sync).owner,
        ref: 'team-a/db secret/app/db 9840409d',
      });
    }
  });

  test('once warm it costs one read of Vault and one write per destination, and no look at any store', async () => {
    const world = await worldInSync(sync);
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', sync);

    expect(world.vault.reads).toBe(1);
    expect(world.vault.listings).toBe(0);
    expect(world.calls()).toEqual([
      'aws:eu-west-1: write app/db',
      'azure:team-a write app/db',
      'gcp:team-a write app/db',
    ]);
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('a second event for it costs one read and nothing else', async () => {
    const world = await worldInSync(sync);

    await world.follow('app/db', sync);

    expect(world.vault.reads).toBe(1);
    expect(world.calls()).toEqual([]);
    expect(changes(world)).toEqual(['aws:eu-west-1: unchanged', 'azure:team-a unchanged', 'gcp:team-a unchanged']);
  });

  test('the same content put again is not written again', async () => {
    const world = await worldInSync(sync);
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([]);
  });

  test('a new version that is not written because it is the same still bars older readings', async () => {
    const world = await worldInSync(sync);
    const before = world.vault.answer('app/db');
    world.vault.put('app/db', { user: 'ada' });
    await world.follow('app/db', sync);
    world.vault.lagging = before;

    const { outcome } = await world.follow('app/db', sync);

    expect(outcome).toBe('later');
  });

  test('new tags are not written blindly: the store is looked at first', async () => {
    const world = await worldInSync(sync);
    const tagged = someSync({ dest: [{ aws: { tags: { team: 'a' } } }] }, { generation: 2 });

    await world.follow('app/db', tagged);

    expect(world.calls()).toEqual(['aws:eu-west-1: describe app/db', 'aws:eu-west-1: write app/db']);
    expect(world.aws.copies.get('app/db')?.tags).toEqual({ team: 'a' });
  });

  test('a lost ledger costs a look, and no write', async () => {
    const world = await worldInSync(sync);
    world.ledger.lose();

    await world.follow('app/db', sync);

    expect(world.calls()).toEqual([
      'aws:eu-west-1: describe app/db',
      'azure:team-a describe app/db',
      'gcp:team-a describe app/db',
    ]);
    expect(changes(world)).toEqual(['aws:eu-west-1: unchanged', 'azure:team-a unchanged', 'gcp:team-a unchanged']);
  });

  test('after a lost ledger the next change is warm again', async () => {
    const world = await worldInSync(sync);
    world.ledger.lose();
    await world.follow('app/db', sync);
    world.vault.put('app/db', { user: 'eve' });
    world.quiet();

    await world.follow('app/db', sync);

    expect(world.calls().map((call) => call.split(' ')[1])).toEqual(['write', 'write', 'write']);
  });

  test('where the store contradicts what we remember, it is looked at and written on what is seen', async () => {
    const world = await worldInSync(sync);
    const { owner, ref } = world.aws.copies.get('app/db') ?? {};
    world.aws.place('app/db', { value: 'by hand', owner: owner ?? null, ref: ref ?? null, versionId: 'by-hand' });
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', someSync());

    expect(world.aws.calls).toEqual(['write app/db', 'describe app/db', 'write app/db']);
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('a copy that somebody deleted by hand is created anew', async () => {
    const world = await worldInSync(sync);
    world.aws.copies.clear();
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', someSync());

    expect(world.aws.calls).toEqual(['write app/db', 'describe app/db', 'write app/db']);
    expect(world.results.at(-1)?.change).toBe('created');
  });

  test('a copy that changes under our hands is given up after three looks, and tried again', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const { owner } = world.resolve(sync);
    let version = 0;
    world.aws.duringWrite = () => world.aws.place('app/db', { owner, versionId: `other-${version++}` });

    await world.follow('app/db', someSync());

    expect(world.aws.callsOf('write')).toHaveLength(3);
    expect(world.results).toMatchObject([
      { change: 'failed', reason: 'KeepsChanging', retry: { countsAsAttempt: true } },
    ]);
  });

  test('the place of a copy stands in the status before the first write to it', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });

    await world.follow('app/db', sync);

    expect(world.places).toEqual(['aws:eu-west-1: 0', 'azure:team-a 0', 'gcp:team-a 0']);
  });

  test('one read serves every sync of the identity', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { user: 'ada' });
    const others = ['one', 'two', 'three'].map((name) => someSync({ dest: [{ aws: { name } }] }, { name }));

    await world.follow('app/db', others);

    expect(world.vault.reads).toBe(1);
    expect([...world.aws.copies.keys()].sort()).toEqual(['one', 'three', 'two']);
  });

  test('a deleted secret takes its copies with it', async () => {
    const world = await worldInSync(sync);
    world.vault.delete('app/db');

    await world.follow('app/db', sync);

    expect(world.stores.map(({ copies }) => copies.size)).toEqual([0, 0, 0]);
    expect(changes(world)).toEqual(['aws:eu-west-1: deleted', 'azure:team-a deleted', 'gcp:team-a deleted']);
  });

  test('a copy that the store is deleting is restored', async () => {
    const world = await worldInSync(sync);
    const stored = world.aws.copies.get('app/db');
    world.aws.place('app/db', { ...stored, existence: 'pendingDeletion' });
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', someSync());

    expect(world.results.at(-1)).toMatchObject({ change: 'restored', message: 'was being deleted' });
    expect(world.aws.copies.get('app/db')).toMatchObject({ existence: 'live', value: '{"user":"eve"}' });
  });

  test('no value comes into the ledger, the results or the status', async () => {
    const world = new FakeWorld();
    world.vault.put('app/db', { password: 'hunter2' });
    world.azure.failing.set('write', new Error('hunter2 is too weak'));

    await world.follow('app/db', sync);

    expect(world.results.map(({ change }) => change).sort()).toEqual(['created', 'created', 'failed']);
    expect(JSON.stringify([world.results, [...world.ledger.entries], world.places])).not.toContain('hunter2');
  });
});
