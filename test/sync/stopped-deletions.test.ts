import { describe, expect, test } from '@jest/globals';
import { releaseDeletionsAnnotation } from '../../src/crd/vault-secret-sync.ts';
import { stoppedDeletions } from '../../src/sync/deletion-guard.ts';
import { all, deleteByEvents, deleteSecrets, digestIn, nameOf, statesIn, worldOf } from './deletion-world.ts';
import { answerLost, FakeStore } from './fake-store.ts';
import { FakeVault } from './fake-vault.ts';
import type { FakeWorld } from './fake-world.ts';
import { someSync } from './some-sync.ts';

const sync = someSync(all);
const minute = 60_000;

/** The sync, with an annotation that carries a digest. */
function releasing(digest: string, wishes: object = {}) {
  return someSync({ ...all, ...wishes }, { annotations: { [releaseDeletionsAnnotation]: digest } });
}

/** Twenty copies, of which the guard has stopped the deletion of the first twelve. */
async function stoppedWorld(): Promise<FakeWorld> {
  const world = await worldOf(20);
  deleteSecrets(world, 0, 12);
  await world.reconcile(sync);
  world.clock.now += 1_000;
  world.quiet();
  return world;
}

describe('deletions that the guard has stopped', () => {
  test('stay stopped, whether reconciles or events come past, and however long', async () => {
    const world = await stoppedWorld();

    await world.reconcile(sync);
    world.clock.now += 20 * minute;
    await world.follow(nameOf(0), sync);
    await world.follow(nameOf(0), sync, { only: `aws:eu-west-1:/${nameOf(0)}`, verify: true });
    await world.reconcile(sync);

    expect(world.aws.callsOf('remove')).toEqual([]);
    expect(statesIn(world)).toEqual({ synced: 8, guarded: 12 });
  });

  test.each<[string, (world: FakeWorld) => void]>([
    ['a store fails for some of them', failForSome],
    ['Vault does not prove the absence of some of them any more', proveLittle],
    ['a lease is lost', (world) => (world.vault.duringRead = () => world.leases.loseAll())],
  ])('stay stopped after %s', async (_title, change) => {
    const world = await stoppedWorld();
    change(world);
    await world.reconcile(sync);
    world.vault.duringRead = null;
    world.vault.read = FakeVault.prototype.read;
    world.aws.describe = FakeStore.prototype.describe;

    await world.reconcile(sync);

    expect(world.aws.callsOf('remove')).toEqual([]);
    expect(statesIn(world).guarded).toBe(12);
  });

  test('are told as a set with a digest, whatever the order', async () => {
    const world = await stoppedWorld();
    const { copies, digest } = await stoppedDeletions(world.ledger, 'team-a/db');
    const reversed = [...world.ledger.entries].reverse();
    world.ledger.entries.clear();
    for (const [copy, entry] of reversed) world.ledger.entries.set(copy, entry);

    expect(copies.size).toBe(12);
    expect(digest).toMatch(/^[0-9a-f]{16}$/);
    expect(await digestIn(world)).toBe(digest);
  });

  test('go when the annotation carries their digest, and nothing else goes with them', async () => {
    const world = await stoppedWorld();
    const digest = await digestIn(world);
    deleteSecrets(world, 12, 20);
    await deleteByEvents(world, { from: 18, to: 20, sync: someSync({ ...all, maxDeletions: 2 }) });

    await world.reconcile(releasing(digest, { maxDeletions: 2 }));

    expect(statesIn(world)).toEqual({ deleted: 14, guarded: 6 });
    expect([...world.aws.copies.keys()]).toEqual([12, 13, 14, 15, 16, 17].map(nameOf));
  });

  test.each(['', 'fffffffffffffffff', 'true', '*'])('do not go for the digest %j', async (digest) => {
    const world = await stoppedWorld();

    await world.reconcile(releasing(digest));

    expect(world.aws.copies.size).toBe(20);
  });

  test('do not go for the digest of a set that was another one', async () => {
    const world = await stoppedWorld();
    const digest = await digestIn(world);
    deleteSecrets(world, 12, 13);
    await world.reconcile(someSync({ ...all, maxDeletions: 0 }));
    world.clock.now += 1_000;

    await world.reconcile(releasing(digest));

    expect(world.aws.copies.size).toBe(20);
    expect(statesIn(world)).toEqual({ synced: 7, guarded: 13 });
  });

  test('do not go again and again for one digest', async () => {
    const world = await stoppedWorld();
    const released = releasing(await digestIn(world));
    await world.reconcile(released);
    world.clock.now += 20 * minute;
    const [first] = [...world.aws.copies.keys()];
    for (let index = 0; index < 12; index++) world.vault.put(nameOf(index), { index });
    await world.reconcile(released);
    world.clock.now += 1_000;
    deleteSecrets(world, 0, 15);

    await world.reconcile(released);

    expect(first).toBe(nameOf(12));
    expect(world.aws.copies.size).toBe(20);
  });

  test('go in part where a store fails, and the rest is tried again', async () => {
    const world = await stoppedWorld();
    const released = releasing(await digestIn(world));
    failForSome(world);

    const { results } = await world.reconcile(released);

    const failed = results.filter(({ change }) => change === 'failed');
    expect(failed.map(({ reason, retry }) => [reason, retry?.countsAsAttempt])).toEqual(
      Array(3).fill(['StoreUnreachable', true]),
    );
    expect(statesIn(world)).toEqual({ synced: 8, deleted: 9, failed: 3 });
  });

  test('are over when their sources are back', async () => {
    const world = await stoppedWorld();
    for (let index = 0; index < 6; index++) world.vault.undelete(nameOf(index));
    for (let index = 6; index < 12; index++) world.vault.put(nameOf(index), { index: 'new' });

    await world.reconcile(sync);

    expect(statesIn(world)).toEqual({ synced: 20 });
    expect(world.aws.callsOf('write')).toHaveLength(6);
  });

  test('are decided anew after an edit of the manifest, by what it says now', async () => {
    const world = await stoppedWorld();

    await world.reconcile(someSync({ ...all, maxDeletions: 11 }, { generation: 2 }));
    const stopped = statesIn(world);
    await world.reconcile(someSync({ ...all, maxDeletions: 12 }, { generation: 3 }));

    expect(stopped).toEqual({ synced: 8, guarded: 12 });
    expect(statesIn(world)).toEqual({ synced: 8, deleted: 12 });
  });

  test('are kept by an edit to deletionPolicy: Retain', async () => {
    const world = await stoppedWorld();

    await world.reconcile(someSync({ ...all, deletionPolicy: 'Retain' }, { generation: 2 }));

    expect(statesIn(world)).toEqual({ synced: 8, retained: 12 });
    expect(world.aws.copies.size).toBe(20);
  });

  test('are forgotten where the copies were deleted by hand', async () => {
    const world = await stoppedWorld();
    world.aws.copies.clear();

    await world.reconcile(someSync({ ...all, driftPolicy: 'Report' }));

    expect(statesIn(world).guarded).toBeUndefined();
  });
});

const some = ['app/03', 'app/05', 'app/07'];

/** Of three that are gone, Vault only says that there is none. */
function proveLittle({ vault }: FakeWorld): void {
  const read = vault.read.bind(vault);
  const unproven = { because: 'notFound', version: null, createdTime: null, mountUuid: null } as const;
  vault.read = async (place, ...rest) =>
    some.includes(place.name) ? { found: false, ...unproven } : read(place, ...rest);
}

/** Three of the copies cannot be looked at. */
function failForSome({ aws }: FakeWorld): void {
  const describeCopy = aws.describe.bind(aws);
  aws.describe = async (name, signal) => {
    if (some.includes(name)) throw answerLost();
    return describeCopy(name, signal);
  };
}
