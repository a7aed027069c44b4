import { describe, expect, test } from '@jest/globals';
import type { StoredCopy } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

type Policy = 'Ignore' | 'Report' | 'Repair';

const dest = [{ aws: { tags: { team: 'a' } } }];

function drifting(driftPolicy: Policy, generation = 1) {
  return someSync({ driftPolicy, dest }, { generation });
}

/** A world in sync, after which somebody else did something to the copy. */
async function driftedWorld(policy: Policy, change: Partial<StoredCopy> | 'deleted'): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  await world.reconcile(drifting(policy));
  world.clock.now += 60_000;
  const copy = world.aws.copies.get('app/db');
  if (change === 'deleted') world.aws.copies.delete('app/db');
  else world.aws.place('app/db', { ...copy, ...change });
  world.quiet();
  return world;
}

const drifts: [string, Partial<StoredCopy> | 'deleted', string, string][] = [
  ['another value', { value: 'by hand', versionId: 'by-hand' }, 'value differed', 'updated'],
  ['other tags', { tags: { team: 'b' } }, 'tags differed', 'metadataUpdated'],
  ['no copy any more', 'deleted', 'was deleted', 'created'],
  ['a copy that is being deleted', { existence: 'pendingDeletion' }, 'is being deleted', 'restored'],
];

function recordIn({ ledger }: FakeWorld) {
  return ledger.entries.get('aws:eu-west-1:/app/db');
}

describe.each(drifts)('where a full reconcile finds %s', (_what, drift, why, repaired) => {
  test('Repair makes it right', async () => {
    const world = await driftedWorld('Repair', drift);

    await world.reconcile(drifting('Repair'));

    expect(world.results.map(({ change }) => change)).toEqual([repaired]);
    expect(world.aws.copies.get('app/db')).toMatchObject({
      value: '{"user":"ada"}',
      tags: { team: 'a' },
      existence: 'live',
    });
  });

  test('Report says so, writes nothing, and keeps saying so', async () => {
    const world = await driftedWorld('Report', drift);
    const before = world.aws.copies.get('app/db');

    for (let count = 0; count < 2; count++) await world.reconcile(drifting('Report'));

    expect(world.aws.callsOf('write', 'remove')).toEqual([]);
    expect(world.aws.copies.get('app/db')).toEqual(before);
    const told = { change: 'drifted', reason: 'Drifted', message: expect.stringContaining(why), retry: null };
    expect(world.results).toMatchObject([told, told]);
    expect(recordIn(world)).toMatchObject({ state: 'drifted', stalled: false });
  });

  test('Report says so on an event too that brings nothing new', async () => {
    const world = await driftedWorld('Report', drift);
    await world.reconcile(drifting('Report'));
    world.quiet();

    await world.follow('app/db', drifting('Report'));

    expect(world.results).toMatchObject([{ change: 'drifted' }]);
    expect(world.aws.callsOf('write')).toEqual([]);
  });

  test('Report writes what really changes in Vault', async () => {
    const world = await driftedWorld('Report', drift);
    await world.reconcile(drifting('Report'));
    world.vault.put('app/db', { user: 'eve' });

    await world.follow('app/db', drifting('Report'));

    expect(world.aws.copies.get('app/db')).toMatchObject({
      value: '{"user":"eve"}',
      tags: { team: 'a' },
      existence: 'live',
    });
    expect(recordIn(world)).toMatchObject({ state: 'synced' });
  });

  test('Report is over when somebody puts it right', async () => {
    const world = await driftedWorld('Repair', {});
    const right = world.aws.copies.get('app/db');
    if (drift === 'deleted') world.aws.copies.delete('app/db');
    else world.aws.place('app/db', { ...right, ...drift });
    await world.reconcile(drifting('Report', 2));
    world.aws.place('app/db', right);

    await world.reconcile(drifting('Report', 2));

    expect(world.results.map(({ change }) => change)).toEqual(['drifted', 'unchanged']);
    expect(recordIn(world)).toMatchObject({ state: 'synced' });
  });

  test('Ignore looks at no store, in a full reconcile and on an event', async () => {
    const world = await driftedWorld('Ignore', drift);

    await world.reconcile(drifting('Ignore'));
    await world.follow('app/db', drifting('Ignore'));

    expect(world.calls()).toEqual([]);
    expect(world.results.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
  });

  test('Ignore writes what really changes in Vault', async () => {
    const world = await driftedWorld('Ignore', drift);
    world.vault.put('app/db', { user: 'eve' });

    await world.reconcile(drifting('Ignore'));

    expect(world.aws.copies.get('app/db')).toMatchObject({ value: '{"user":"eve"}', existence: 'live' });
  });

  test('an edit from Report to Repair makes it right', async () => {
    const world = await driftedWorld('Report', drift);
    await world.reconcile(drifting('Report'));

    await world.reconcile(drifting('Repair', 2));

    expect(world.aws.copies.get('app/db')).toMatchObject({
      value: '{"user":"ada"}',
      tags: { team: 'a' },
      existence: 'live',
    });
  });
});

describe('what is no drift', () => {
  test('an edit of the manifest is written, whatever driftPolicy says', async () => {
    for (const driftPolicy of ['Ignore', 'Report'] as const) {
      const world = await driftedWorld(driftPolicy, {});
      const edited = someSync({ driftPolicy, dest: [{ aws: { tags: { team: 'new' } } }] }, { generation: 2 });

      await world.reconcile(edited);

      expect(world.aws.copies.get('app/db')?.tags).toEqual({ team: 'new' });
    }
  });

  test('a write of ours that was cut short is done again under Report', async () => {
    const world = await driftedWorld('Report', {});
    world.vault.put('app/db', { user: 'eve' });
    world.aws.losesNextAnswer = true;
    await world.follow('app/db', drifting('Report'));

    await world.reconcile(drifting('Report'));

    expect(world.results.at(-1)?.change).toBe('unchanged');
    expect(world.aws.copies.get('app/db')?.value).toBe('{"user":"eve"}');
  });

  test('a copy that was lost with the ledger is created under Report', async () => {
    const world = await driftedWorld('Report', 'deleted');
    world.ledger.lose();

    await world.reconcile(drifting('Report'));

    expect(world.results.map(({ change }) => change)).toEqual(['created']);
  });

  test('without a ledger nobody knows who made the difference, and it is put right', async () => {
    const world = await driftedWorld('Report', { tags: { team: 'b' } });
    world.ledger.lose();

    await world.reconcile(drifting('Report'));

    expect(world.results.map(({ change }) => change)).toEqual(['metadataUpdated']);
  });
});
