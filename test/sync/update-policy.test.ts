import { describe, expect, test } from '@jest/globals';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const once = someSync({ updatePolicy: 'IfNotExists' });
const copyId = 'aws:eu-west-1:/app/db';

function worldWith(user = 'ada'): FakeWorld {
  const world = new FakeWorld();
  world.vault.put('app/db', { user });
  return world;
}

describe('updatePolicy: IfNotExists', () => {
  test('creates what is not there, and never writes it again', async () => {
    const world = worldWith();
    await world.reconcile(once);
    world.clock.now += 1_000;
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', once);
    await world.reconcile(once);

    expect(world.results.map(({ change }) => change)).toEqual(['created', 'skipped', 'skipped']);
    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"ada"}' });
    expect(world.ledger.entries.get(copyId)).toMatchObject({ state: 'synced', version: 2 });
  });

  test('asks no store on an event once it is there', async () => {
    const world = worldWith();
    await world.reconcile(once);
    world.vault.put('app/db', { user: 'eve' });
    world.quiet();

    await world.follow('app/db', once);

    expect(world.calls()).toEqual([]);
  });

  test.each([
    ['nobody', null],
    ['somebody else', 'theirs'],
  ])('leaves a secret of %s as it is, and finds no conflict in it', async (_who, owner) => {
    const world = worldWith();
    world.aws.place('app/db', { owner });
    const before = world.aws.copies.get('app/db');

    await world.reconcile(once);
    world.vault.put('app/db', { user: 'eve' });
    await world.follow('app/db', once);

    expect(world.results.map(({ change, reason }) => change + reason)).toEqual(['skipped', 'skipped']);
    expect(world.aws.copies.get('app/db')).toBe(before);
  });

  test('leaves a secret of a service as it is', async () => {
    const world = worldWith();
    world.aws.place('app/db', { managedBy: 'rds' });

    await world.reconcile(once);

    expect(world.results).toMatchObject([{ change: 'skipped', message: expect.stringContaining('IfNotExists') }]);
  });

  test('never deletes a secret that it only found', async () => {
    const world = worldWith();
    world.aws.place('app/db');
    await world.reconcile(once);
    world.vault.delete('app/db');

    await world.follow('app/db', once);
    await world.reconcile(someSync({ path: 'secret/app/other', removalPolicy: 'Delete' }, { generation: 2 }));

    expect(world.aws.copies.has('app/db')).toBe(true);
  });

  test('deletes what it has created when the source is gone', async () => {
    const world = worldWith();
    await world.reconcile(once);
    world.vault.put('app/db', { user: 'eve' });
    await world.follow('app/db', once);
    world.vault.delete('app/db');

    await world.follow('app/db', once);

    expect(world.aws.values()).toEqual({});
  });

  test('creates again what somebody has deleted, as driftPolicy: Repair says', async () => {
    const world = worldWith();
    await world.reconcile(once);
    world.vault.put('app/db', { user: 'eve' });
    await world.follow('app/db', once);
    world.aws.copies.clear();

    await world.reconcile(once);

    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"eve"}' });
  });

  test('brings back what is being deleted', async () => {
    const world = worldWith();
    await world.reconcile(once);
    world.aws.place('app/db', { ...world.aws.copies.get('app/db'), existence: 'pendingDeletion' });

    await world.reconcile(once);

    expect(world.results.at(-1)?.change).toBe('restored');
  });

  test.each(['Repair', 'Report', 'Ignore'] as const)(
    'an edit to Always brings what was skipped, with driftPolicy: %s',
    async (driftPolicy) => {
      const world = worldWith();
      await world.reconcile(someSync({ updatePolicy: 'IfNotExists', driftPolicy }));
      world.vault.put('app/db', { user: 'eve' });
      await world.follow('app/db', someSync({ updatePolicy: 'IfNotExists', driftPolicy }));

      await world.reconcile(someSync({ driftPolicy }, { generation: 2 }));

      expect(world.aws.values()).toEqual({ 'app/db': '{"user":"eve"}' });
    },
  );

  test('applies to each key of a secret for itself', async () => {
    const world = worldWith();
    const perKey = someSync({ updatePolicy: 'IfNotExists', dest: [{ aws: { granularity: 'key' } }] });
    await world.reconcile(perKey);
    world.vault.put('app/db', { user: 'eve', host: 'db1' });

    await world.follow('app/db', perKey);

    expect(world.aws.values()).toEqual({ 'app/db/user': 'ada', 'app/db/host': 'db1' });
  });
});

describe('two syncs of which one only creates', () => {
  const keeping = someSync(
    { source: { path: 'secret/app/other' }, dest: [{ aws: { name: 'app/db' } }] },
    { name: 'keeping', createdAt: 9 },
  );

  function worldOfBoth(): FakeWorld {
    const world = worldWith();
    world.vault.put('app/other', { user: 'joe' });
    return world;
  }

  test('the copy of the other is left as it is, and is no conflict', async () => {
    const world = worldOfBoth();
    await world.reconcile(keeping);

    await world.reconcile(once);
    world.vault.put('app/other', { user: 'kim' });
    await world.follow('app/other', keeping);

    expect(world.results.map(({ sync, change }) => `${sync} ${change}`)).toEqual([
      'team-a/keeping created',
      'team-a/db skipped',
      'team-a/keeping updated',
    ]);
  });

  test('what the ledger tells of it is not lost', async () => {
    const world = worldOfBoth();
    await world.reconcile(keeping);

    await world.reconcile(once);

    expect(world.ledger.entries.get(copyId)?.sync).toBe('team-a/keeping');
    expect(await world.ledger.counts('team-a/db')).toEqual({ 'aws:eu-west-1:': { synced: 1 } });
  });

  test('whoever made it keeps it when the ledger is lost, whoever comes first', async () => {
    const world = worldOfBoth();
    await world.reconcile(keeping);
    world.ledger.lose();
    world.clock.now += 1_000;

    await world.reconcile(once);
    await world.reconcile(keeping);
    world.vault.put('app/other', { user: 'kim' });
    await world.follow('app/other', keeping);

    expect(world.aws.values()).toEqual({ 'app/db': '{"user":"kim"}' });
    expect(world.results.some(({ change }) => change === 'conflict')).toBe(false);
  });
});
