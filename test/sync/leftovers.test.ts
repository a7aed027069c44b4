import { describe, expect, jest, test } from '@jest/globals';
import { releaseDeletionsAnnotation, type VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { fixSpec } from '../../src/errors.ts';
import { all, deleteSecrets, digestIn, nameOf, statesIn, worldOf } from './deletion-world.ts';
import { answerLost } from './fake-store.ts';
import { FakeWorld, worldInSync } from './fake-world.ts';
import { awsOnly, everywhere, someSync } from './some-sync.ts';

const azureToo = [...awsOnly, { azure: { vaultName: 'team-a' } }];

/** The status of a sync that has written to these places. */
function statusOf(...places: string[]): VaultSecretSync['status'] {
  return { destinations: places.map((destination) => ({ destination })) } as VaultSecretSync['status'];
}

function copiesIn(world: FakeWorld): string[] {
  return world.stores.flatMap(({ scope, copies }) => [...copies.keys()].map((name) => `${scope}/${name}`)).sort();
}

describe('leftovers that the ledger does not know of any more', () => {
  test.each<[string, Parameters<typeof someSync>[0]]>([
    ['of a selection that was narrowed', { ...all, path: 'secret/app/0[0]' }],
    ['of a name that was changed', { ...all, path: 'secret/app/00', dest: [{ aws: { name: 'x' } }] }],
    [
      'of a name that was changed, where nobody cares for drift',
      { ...all, path: 'secret/app/00', dest: [{ aws: { name: 'x' } }], driftPolicy: 'Ignore' },
    ],
  ])('%s are found by their marks', async (_title, wishes) => {
    const world = await worldOf(3);
    world.ledger.lose();

    await world.reconcile(someSync(wishes, { generation: 2, status: statusOf('aws:eu-west-1:') }));

    expect(copiesIn(world)).toHaveLength(1);
    expect(statesIn(world)).toEqual({ synced: 1 });
  });

  test('are found where a listing tells no versions, too', async () => {
    const gcpToo = [...awsOnly, { gcp: {} }];
    const world = await worldOf(3, someSync({ ...all, dest: gcpToo }));
    Object.assign(world.gcp, { listsVersions: false });
    world.ledger.lose();

    await world.reconcile(someSync({ ...all, path: 'secret/app/0[0]', dest: gcpToo }, { generation: 2 }));

    expect(copiesIn(world)).toHaveLength(2);
  });

  test('in a place that nothing leads to any more are found through the status', async () => {
    const world = await worldOf(3, someSync({ ...all, dest: azureToo }));
    world.ledger.lose();
    const moved = someSync(all, { generation: 2, status: statusOf('aws:eu-west-1:', 'azure:team-a') });

    const first = await world.reconcile(moved);
    const second = await world.reconcile(moved);

    expect(copiesIn(world)).toEqual([0, 1, 2].map((index) => `aws:eu-west-1:/${nameOf(index)}`));
    // Only a look that finds nothing shows that the place is done with.
    expect([first.places, second.places]).toEqual([[], [{ destination: 'azure:team-a', unswept: null }]]);
  });

  test('are not touched where they bear the mark of another sync, or none', async () => {
    const world = await worldOf(3);
    world.aws.place('theirs', { owner: 'theirs' });
    world.aws.place('nobodys');
    world.ledger.lose();

    await world.reconcile(someSync({ ...all, path: 'secret/none/.*' }, { generation: 2 }));

    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/nobodys', 'aws:eu-west-1:/theirs']);
  });

  test('are left where they are with removalPolicy: Retain', async () => {
    const world = await worldOf(3, someSync({ path: 'secret/app/(.*)' }));
    world.ledger.lose();

    await world.reconcile(someSync({ path: 'secret/app/0[0]' }, { generation: 2 }));

    expect(copiesIn(world)).toHaveLength(3);
    expect(statesIn(world)).toEqual({ synced: 1 });
  });

  test('are not deleted a second time where the store is deleting them already', async () => {
    const world = await worldOf(2);
    world.aws.place(nameOf(1), { ...world.aws.copies.get(nameOf(1)), existence: 'pendingDeletion' });
    world.ledger.lose();
    world.quiet();

    await world.reconcile(someSync({ ...all, path: 'secret/app/0[0]' }, { generation: 2 }));

    expect(world.aws.callsOf('describe', 'remove')).toEqual([]);
  });

  test('are handed over to a sync that complains of them meanwhile', async () => {
    const world = await worldOf(2);
    world.ledger.lose();
    const rival = someSync({ path: 'secret/app/01' }, { name: 'rival' });
    await world.follow(nameOf(1), rival);

    await world.reconcile(someSync({ ...all, path: 'secret/app/0[0]' }, { generation: 2 }));
    const complaint = world.ledger.entries.get(`aws:eu-west-1:/${nameOf(1)}`);
    await world.follow(nameOf(1), rival, { only: world.woken[0]?.copy ?? '', verify: true });

    expect(complaint).toMatchObject({ sync: 'team-a/rival', state: 'conflict' });
    expect(world.aws.copies.get(nameOf(1))?.ref).toMatch(/^team-a\/rival /);
  });
});

describe('a place that nothing leads to any more', () => {
  const moved = someSync(all, { generation: 2, status: statusOf('aws:eu-west-1:', 'azure:team-a') });

  async function movedWorld(): Promise<FakeWorld> {
    return worldOf(2, someSync({ ...all, dest: azureToo }));
  }

  test('is done with once nothing of ours is there', async () => {
    const world = await movedWorld();

    const [first, second] = [await world.reconcile(moved), await world.reconcile(moved)];

    expect(world.azure.copies.size).toBe(0);
    expect([first.places, second.places]).toEqual([[], [{ destination: 'azure:team-a', unswept: null }]]);
  });

  test.each<[string, (world: FakeWorld) => void, string]>([
    ['cannot list', ({ azure }) => Object.assign(azure, { list: undefined }), 'azure:team-a cannot list'],
    ['does not let us list', ({ azure }) => azure.failing.set('list', answerLost()), 'the connection broke'],
    [
      'is none that we know',
      (world) => {
        const { targetAt } = world;
        world.targetAt = async (place) => (place.destination === 'azure:team-a' ? null : targetAt.call(world, place));
      },
      'nothing leads to azure:team-a any more',
    ],
  ])('that %s is told as unswept, never as done with', async (_title, change, why) => {
    const world = await movedWorld();
    world.ledger.lose();
    change(world);

    const { places } = await world.reconcile(moved);

    expect(places).toEqual([{ destination: 'azure:team-a', unswept: expect.stringContaining(why) }]);
    expect(world.azure.copies.size).toBe(2);
  });

  const roleArn = 'arn:aws:iam::123456789012:role/team-a';
  const written = { destinations: [{ destination: 'azure:team-a', roleArn }] } as VaultSecretSync['status'];

  test('is reached by the role that it was written by', async () => {
    const world = await movedWorld();
    world.ledger.lose();
    const targetAt = jest.spyOn(world, 'targetAt');

    await world.reconcile({ ...moved, status: written });

    expect(targetAt.mock.calls).toEqual([[{ destination: 'azure:team-a', roleArn }, 'team-a']]);
    expect(world.azure.copies.size).toBe(0);
  });

  test('is not reached by a role that no policy lets the namespace have, whatever the status says', async () => {
    const world = await movedWorld();
    world.allows = ({ role }) => (role === undefined ? null : fixSpec('PolicyDenied', 'not that role'));

    const { places } = await world.reconcile({ ...moved, status: written });

    expect(places).toEqual([{ destination: 'azure:team-a', unswept: 'not that role' }]);
    expect(world.azure.calls).toEqual([]);
  });

  test('is not looked at, nor done with, by a run that left something open', async () => {
    const world = await movedWorld();
    world.leases.held.set(`aws:eu-west-1:/${nameOf(0)}`, new AbortController());
    world.leases.impatient = true;

    const { places } = await world.reconcile(moved);

    expect([places, world.azure.calls]).toEqual([null, []]);
  });
});

describe('names that are refused', () => {
  test('keep the copies that there were under others', async () => {
    const world = await worldOf(2);
    const refused = someSync({ ...all, dest: [{ aws: { name: 'bad-$x' } }] }, { generation: 2 });

    await world.reconcile(refused);

    expect(world.results.map(({ reason }) => reason)).toEqual(['NameInvalid', 'NameInvalid']);
    expect(copiesIn(world)).toHaveLength(2);
  });

  test('of one secret keep its copies, and those of others go', async () => {
    const world = await worldOf(3);
    world.allows = ({ path }) => (path === `secret/${nameOf(1)}` ? fixSpec('PolicyDenied', 'no') : null);

    await world.reconcile(someSync({ ...all, path: 'secret/app/0[01]' }, { generation: 2 }));

    expect([...world.aws.copies.keys()]).toEqual([nameOf(0), nameOf(1)]);
  });

  test('keep what only its mark tells of, too', async () => {
    const world = await worldOf(2);
    world.ledger.lose();

    await world.reconcile(someSync({ ...all, dest: [{ aws: { name: 'bad-$x' } }] }, { generation: 2 }));

    expect(copiesIn(world)).toHaveLength(2);
  });
});

describe('leftovers and the deletion guard', () => {
  const narrowed = someSync({ ...all, path: 'secret/app/1.*' }, { generation: 2 });

  test('are all stopped where they are too many, as one set with what lost its source', async () => {
    const world = await worldOf(20);
    deleteSecrets(world, 10, 11);

    const { results } = await world.reconcile(narrowed);

    expect(world.aws.callsOf('remove')).toEqual([]);
    expect(statesIn(world)).toEqual({ synced: 9, guarded: 11 });
    expect(results.filter(({ change, isLeftover }) => change === 'guarded' && isLeftover)).toHaveLength(10);
  });

  test('stay stopped until an edit or the digest lets them go', async () => {
    const world = await worldOf(22);
    const inTheTwenties = { ...all, path: 'secret/app/2.*' };
    for (const generation of [2, 2, 3, 3]) {
      await world.reconcile(someSync(inTheTwenties, { generation }));
      world.clock.now += 1_000;
    }
    const stopped = statesIn(world);
    const annotations = { [releaseDeletionsAnnotation]: await digestIn(world) };
    deleteSecrets(world, 20, 21);

    // Even in one breath with an edit; and what is released does not count with the others.
    await world.reconcile(someSync(inTheTwenties, { generation: 4, annotations }));

    expect(stopped).toEqual({ synced: 2, guarded: 20 });
    expect(copiesIn(world)).toEqual(['aws:eu-west-1:/app/21']);
    expect(statesIn(world)).toEqual({ synced: 1, deleted: 1 });
  });

  test('do not count where they are only complaints and plans of what is not asked for any more', async () => {
    const world = new FakeWorld();
    for (let index = 0; index < 30; index++) world.vault.put(nameOf(index), { index });
    for (let index = 0; index < 15; index++) world.aws.place(nameOf(index), { owner: 'theirs' });
    await world.reconcile(someSync({ ...all, dryRun: true }));
    world.clock.now += 1_000;
    world.quiet();

    await world.reconcile(someSync({ ...all, path: 'secret/none/.*' }, { generation: 2 }));

    expect(statesIn(world)).toEqual({});
    expect(world.aws.callsOf('describe', 'remove')).toEqual([]);
  });

  test('are in sync again when they are asked for again', async () => {
    const world = await worldOf(20);
    await world.reconcile(someSync({ ...all, path: 'secret/none/.*' }, { generation: 2 }));
    world.clock.now += 1_000;
    const stopped = statesIn(world);

    await world.reconcile(someSync(all, { generation: 3 }));

    expect([stopped, statesIn(world)]).toEqual([{ guarded: 20 }, { synced: 20 }]);
  });

  test.each([
    ['deleted', 10],
    ['guarded', 11],
  ])('are planned by a dry run as %s where there are %s', async (planned, count) => {
    const world = await worldOf(count);

    const { results } = await world.reconcile(
      someSync({ ...all, path: 'secret/none/.*', dryRun: true }, { generation: 2 }),
    );

    expect(results.map((result) => [result.change, result.planned])).toEqual(Array(count).fill(['dryRun', planned]));
    expect(copiesIn(world)).toHaveLength(count);
  });

  test('are planned by a dry run as retained with removalPolicy: Retain', async () => {
    const world = await worldInSync(someSync({ dest: everywhere }));

    const { results } = await world.reconcile(someSync({ dest: awsOnly, dryRun: true }, { generation: 2 }));

    expect(results.filter(({ isLeftover }) => isLeftover).map(({ planned }) => planned)).toEqual([
      'retained',
      'retained',
    ]);
    expect(statesIn(world)).toMatchObject({ synced: 3 });
  });
});
