import { describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { removeCopies } from '../../src/sync/removal.ts';
import { answerLost } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';
import { awsOnly, everywhere, someSync } from './some-sync.ts';

const all = { path: 'secret/app/.*', dest: everywhere } as const;

async function settledWorld(sync = someSync(all)): Promise<FakeWorld> {
  const world = new FakeWorld();
  for (const name of ['app/one', 'app/two']) world.vault.put(name, { name });
  await world.reconcile(sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

function copiesIn(world: FakeWorld): string[] {
  return world.stores.flatMap(({ scope, copies }) => [...copies.keys()].map((name) => `${scope}/${name}`)).sort();
}

describe('copies that the manifest no longer asks for', () => {
  const everything = ['app/one', 'app/two'];
  const inAws = everything.map((name) => `aws:eu-west-1:/${name}`);

  test.each<[string, Parameters<typeof someSync>[0], string[]]>([
    ['a destination was taken away', { ...all, dest: awsOnly }, inAws],
    [
      'the selection was narrowed',
      { ...all, path: 'secret/app/one' },
      ['aws:eu-west-1:/app/one', 'azure:team-a/app/one', 'gcp:team-a/app/one'],
    ],
    [
      'names were changed',
      { ...all, dest: [{ aws: { name: 'x' } }] },
      ['aws:eu-west-1:/x/one', 'aws:eu-west-1:/x/two'],
    ],
  ])('are deleted with removalPolicy: Delete (%s)', async (_title, wishes, left) => {
    const world = await settledWorld();

    await world.reconcile(someSync({ ...wishes, removalPolicy: 'Delete' }, { generation: 2 }));

    expect(copiesIn(world)).toEqual(left);
    expect([...world.ledger.entries.keys()].sort()).toEqual(left);
  });

  test('are deleted too where a setting, not the manifest, leads the destination elsewhere now', async () => {
    const sync = someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' });
    const world = await settledWorld(sync);
    world.target = async () => world.azure;

    await world.reconcile(sync);

    expect(copiesIn(world)).toEqual(['azure:team-a/app/one', 'azure:team-a/app/two']);
  });

  test('are left and forgotten with removalPolicy: Retain', async () => {
    const world = await settledWorld();

    await world.reconcile(someSync({ ...all, dest: awsOnly }, { generation: 2 }));

    expect(copiesIn(world)).toHaveLength(6);
    expect([...world.ledger.entries.keys()].sort()).toEqual(inAws);
  });

  test('are deleted too where the ledger had only seen them in a listing without version ids', async () => {
    const world = await settledWorld();
    world.ledger.lose();
    for (const store of world.stores) {
      const { list } = store;
      store.list = async function* (owner, signal) {
        for await (const observed of list.call(store, owner, signal)) yield { ...observed, versionId: null };
      };
    }
    await world.reconcile(someSync(all));
    world.clock.now += 1;

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' }, { generation: 2 }));

    expect(copiesIn(world)).toEqual(inAws);
  });

  test('are deleted too where the write that made them was cut short', async () => {
    const world = new FakeWorld();
    world.vault.put('app/one', { name: 'one' });
    world.azure.losesNextAnswer = true;
    await world.reconcile(someSync(all));
    world.clock.now += 1;

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' }, { generation: 2 }));

    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/app/one']);
  });

  test('are left where the store shows that they are not ours any more', async () => {
    const world = await settledWorld();
    world.azure.place('app/one', { owner: 'theirs' });

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' }, { generation: 2 }));

    expect([...world.azure.copies.keys()]).toEqual(['app/one']);
  });

  test.each<[string, (world: FakeWorld) => void, object]>([
    ['writes are paused', (world) => (world.paused = true), {}],
    ['the manifest is a dry run', () => undefined, { dryRun: true }],
    ['their place is not known to this process', (world) => (world.targetAt = async () => null), {}],
  ])('are kept, and remembered, while %s', async (_title, change, wishes) => {
    const world = await settledWorld();
    change(world);

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete', ...wishes }, { generation: 2 }));

    expect(copiesIn(world)).toHaveLength(6);
    expect(world.ledger.entries.has('azure:team-a/app/one')).toBe(true);
  });

  test('that cannot be deleted are told of, and remembered', async () => {
    const world = await settledWorld();
    world.azure.failing.set('remove', answerLost());

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' }, { generation: 2 }));

    const failed = world.results.filter(({ change }) => change === 'failed');
    expect(failed.map(({ copy, planned, reason }) => [copy, planned, reason])).toEqual([
      ['azure:team-a/app/one', 'deleted', 'StoreUnreachable'],
      ['azure:team-a/app/two', 'deleted', 'StoreUnreachable'],
    ]);
    expect(world.ledger.entries.has('azure:team-a/app/one')).toBe(true);
    expect([...world.gcp.copies.keys()]).toEqual([]);
  });

  test('are none of the business of a run of an older manifest', async () => {
    const world = await settledWorld(someSync(all, { generation: 5 }));

    await world.reconcile(someSync({ ...all, dest: awsOnly, removalPolicy: 'Delete' }, { generation: 4 }));

    expect(copiesIn(world)).toHaveLength(6);
    expect(world.ledger.entries.size).toBe(6);
  });

  test('are not mistaken for those that another replica, whose clock is behind, has just written', async () => {
    const world = await settledWorld();
    const { ledger } = world;
    const record = ledger.record.bind(ledger);
    ledger.record = (copy, entry) => record(copy, { ...entry, at: entry.at - 60_000 });

    await world.reconcile(someSync({ ...all, removalPolicy: 'Delete' }));

    expect(copiesIn(world)).toHaveLength(6);
  });
});

describe('copies of a sync that goes away', () => {
  const leaving = someSync({ ...all, removalPolicy: 'Delete' }, { deleting: true });

  function remove(world: FakeWorld, sync: VaultSecretSync = leaving) {
    return removeCopies({ world, sync, signal: new AbortController().signal });
  }

  test('are deleted in every store', async () => {
    const world = await settledWorld();

    const { results, unswept } = await remove(world);

    expect(copiesIn(world)).toEqual([]);
    expect(unswept).toEqual([]);
    expect(results.map(({ change }) => change)).toEqual(Array(6).fill('deleted'));
    expect(world.ledger.entries.size).toBe(0);
  });

  test('are left and forgotten with removalPolicy: Retain, and no store is asked', async () => {
    const world = await settledWorld();

    const { results, unswept } = await remove(world, someSync({ ...all, removalPolicy: 'Retain' }));

    expect([results, unswept, world.calls()]).toEqual([[], [], []]);
    expect(copiesIn(world)).toHaveLength(6);
    expect(world.ledger.entries.size).toBe(0);
  });

  test('are found by their marks when the ledger is lost, in places that only the status remembers too', async () => {
    const world = await settledWorld();
    world.ledger.lose();
    const destinations = world.stores.map(({ scope }) => ({ destination: scope }));

    await remove(world, {
      ...leaving,
      spec: someSync({ dest: awsOnly, removalPolicy: 'Delete' }).spec,
      status: { destinations },
    });

    expect(copiesIn(world)).toEqual([]);
  });

  test('are deleted only where the store shows our mark', async () => {
    const world = await settledWorld();
    world.aws.place('app/one', { owner: 'theirs' });
    world.azure.place('app/one', { owner: null });
    world.gcp.place('app/one', { ...world.gcp.copies.get('app/one'), managedBy: 'rds' });

    const { results } = await remove(world);

    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/app/one', 'azure:team-a/app/one', 'gcp:team-a/app/one']);
    expect(results.map(({ change }) => change).sort()).toEqual([
      ...Array(3).fill('absent'),
      ...Array(3).fill('deleted'),
    ]);
  });

  test('of another sync, or of the same sync in another installation, stay', async () => {
    const world = await settledWorld();
    await world.reconcile(someSync({ path: 'secret/app/one', dest: [{ aws: { name: 'other' } }] }, { name: 'other' }));
    world.ledger.lose();

    await remove(world);

    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/other']);
  });

  test('that cannot be deleted come back as failures, and the others go all the same', async () => {
    const world = await settledWorld();
    world.azure.failing.set('remove', answerLost());

    const { results } = await remove(world);

    expect(copiesIn(world)).toEqual(['azure:team-a/app/one', 'azure:team-a/app/two']);
    expect(results.filter(({ change }) => change === 'failed').map(({ copy }) => copy)).toEqual(copiesIn(world));
  });

  test('are not all known where a listing failed: the caller must come back', async () => {
    const world = await settledWorld();
    world.ledger.lose();
    world.azure.failing.set('list', answerLost());

    const { unswept } = await remove(world);

    expect(unswept).toEqual([{ destination: 'azure:team-a', unswept: 'the connection broke' }]);
    expect(copiesIn(world)).toEqual(['azure:team-a/app/one', 'azure:team-a/app/two']);
  });

  test('in a place that only the ledger tells of, and that nothing leads to, are told of', async () => {
    const world = await settledWorld();
    const { targetAt } = world;
    world.targetAt = async (place) => (place.destination === 'gcp:team-a' ? null : targetAt.call(world, place));

    const { unswept } = await remove(world, { ...leaving, spec: { ...leaving.spec, dest: [...awsOnly] } });

    expect(unswept).toEqual([
      { destination: 'gcp:team-a', unswept: expect.stringContaining('nothing leads to gcp:team-a any more') },
    ]);
    expect(copiesIn(world)).toEqual(['gcp:team-a/app/one', 'gcp:team-a/app/two']);
  });

  test('that are being written just now are come back to', async () => {
    const world = await settledWorld();
    world.leases.held.set('aws:eu-west-1:/app/one', new AbortController());
    world.leases.impatient = true;

    const { results } = await remove(world);

    expect(results.filter(({ change }) => change === 'failed')).toMatchObject([
      { copy: 'aws:eu-west-1:/app/one', reason: 'CopyBusy' },
    ]);
    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/app/one']);
  });

  test('that change while they are looked at are come back to', async () => {
    const world = await settledWorld();
    const { aws } = world;
    const { remove: removeFromAws } = aws;
    aws.remove = (observed, signal) => {
      aws.place(observed.name, { owner: 'theirs', versionId: 'theirs' });
      return removeFromAws.call(aws, observed, signal);
    };

    const { results } = await remove(world);

    expect(results.filter(({ change }) => change === 'failed').map(({ reason }) => reason)).toEqual([
      'KeepsChanging',
      'KeepsChanging',
    ]);
    expect(aws.copies.get('app/one')?.owner).toBe('theirs');
  });

  test.each([{ dryRun: true }, { suspend: true }])('stay where the manifest says %j', async (wishes) => {
    const world = await settledWorld();

    const { results } = await remove(world, { ...leaving, spec: { ...leaving.spec, ...wishes } });

    expect(results).toEqual([]);
    expect(copiesIn(world)).toHaveLength(6);
    expect(world.calls()).toEqual([]);
  });
});
