import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { SyncError } from '../../src/errors.ts';
import { someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const minute = 60_000;
const key = 'team-a/db';
const deletes = someSync({ removalPolicy: 'Delete' });
const refused = new SyncError({ remedy: 'SlowRetry', reason: 'PermissionDenied', message: 'grant secrets.delete' });

let replica: Replica;

beforeEach(() => {
  replica = new Replica();
  replica.world.vault.put('app/db', { user: 'ada' });
});

afterEach(() => replica.close());

/** A sync whose copy has been made, and which then is told to go. */
async function leaving(sync: VaultSecretSync): Promise<VaultSecretSync> {
  replica.knows(sync);
  await replica.reconcile();
  replica.manifests.announced.length = 0;
  return replica.knows({ ...sync, generation: sync.generation + 1, deleting: true });
}

const copies = () => [...replica.world.aws.copies.keys()];
const isHeldBack = () => replica.manifests.finalizers.has(key);
const announced = () => replica.manifests.announced.map(({ type, reason }) => `${type} ${reason}`);

describe('a sync that goes away', () => {
  test('is held back from its first reconcile on, and let go when its copies are deleted', async () => {
    await leaving(deletes);
    const before = { copies: copies(), isHeldBack: isHeldBack() };

    const outcome = await replica.reconcile();

    expect(before).toEqual({ copies: ['app/db'], isHeldBack: true });
    expect(outcome).toEqual({ outcome: 'done' });
    expect({ copies: copies(), isHeldBack: isHeldBack() }).toEqual({ copies: [], isHeldBack: false });
    expect(announced()).toEqual(['Normal CopiesRemoved']);
    expect(replica.syncs.get(key)).toBeNull();
    expect([...replica.world.ledger.entries]).toEqual([]);
  });

  test('leaves its copies with removalPolicy: Retain, and nothing is said', async () => {
    await leaving(someSync());

    const outcome = await replica.reconcile();

    expect(outcome).toEqual({ outcome: 'done' });
    expect(copies()).toEqual(['app/db']);
    expect(announced()).toEqual([]);
    expect([...replica.world.ledger.entries]).toEqual([]);
  });

  test('hands a copy that another sync waits for over to it, whatever the policy', async () => {
    const heir = someSync({}, { name: 'heir', createdAt: 1 });
    replica.knows(deletes);
    replica.knows(heir);
    await replica.reconcile();
    await replica.reconcile('team-a/heir');
    await leaving(deletes);

    await replica.reconcile();

    expect(copies()).toEqual(['app/db']);
    expect(isHeldBack()).toBe(false);
    expect(replica.world.woken.map(({ sync }) => sync)).toEqual(['team-a/heir']);
  });

  test.each([{ dryRun: true }, { suspend: true }])('deletes nothing while %j, and says so', async (wish) => {
    replica.knows(deletes);
    await replica.reconcile();
    await leaving(someSync({ removalPolicy: 'Delete', ...wish }));

    await replica.reconcile();

    expect(copies()).toEqual(['app/db']);
    expect(isHeldBack()).toBe(false);
    expect(announced()).toEqual(['Warning CopiesLeft']);
  });

  test('waits while writes are paused, however long, and is dealt with afterwards', async () => {
    await leaving(deletes);
    replica.world.clock.now += 1;
    replica.shared.world.paused = true;

    const outcomes = [await replica.reconcile()];
    replica.world.clock.now += 60 * minute;
    outcomes.push(await replica.reconcile());
    const whilePaused = { copies: copies(), isHeldBack: isHeldBack() };
    replica.shared.world.paused = false;
    await replica.reconcile();

    expect(outcomes).toEqual([
      { outcome: 'retry', delayMs: 30_000, reason: 'WritesPaused', countsAsAttempt: false },
      { outcome: 'retry', delayMs: 30_000, reason: 'WritesPaused', countsAsAttempt: false },
    ]);
    expect(whilePaused).toEqual({ copies: ['app/db'], isHeldBack: true });
    expect({ copies: copies(), isHeldBack: isHeldBack() }).toEqual({ copies: [], isHeldBack: false });
  });
});

describe('a store that refuses to delete', () => {
  test('is asked again, at first soon, for ten minutes; then the sync is let go and told what is left', async () => {
    await leaving(deletes);
    replica.world.aws.failing.set('remove', refused);
    const waits: number[] = [];

    for (let elapsed = 0; isHeldBack() && elapsed < 60 * minute; ) {
      const outcome = await replica.reconcile();
      const delayMs = outcome.outcome === 'retry' ? outcome.delayMs : 0;
      waits.push(delayMs);
      elapsed += delayMs;
      replica.world.clock.now += delayMs;
    }

    expect(waits.slice(0, 4)).toEqual([1_000, 1_000, 2_000, 4_000]);
    expect(waits.at(-1)).toBe(0);
    const total = waits.reduce((sum, wait) => sum + wait, 0);
    expect(total).toBeGreaterThanOrEqual(10 * minute);
    expect(total).toBeLessThanOrEqual(11 * minute);
    expect(announced()).toEqual(['Warning RemovalFailed', 'Warning CopiesLeft']);
    expect(replica.manifests.announced.at(-1)?.message).toContain('aws:eu-west-1:/app/db: grant secrets.delete');
    expect(copies()).toEqual(['app/db']);
    expect([...replica.world.ledger.entries]).toEqual([]);
  });

  test('keeps the sync when it gives in before that', async () => {
    await leaving(deletes);
    replica.world.aws.failing.set('remove', refused);
    await replica.reconcile();
    replica.world.clock.now += 9 * minute;
    const late = await replica.reconcile();
    replica.world.aws.failing.clear();

    await replica.reconcile();

    expect(late.outcome).toBe('retry');
    expect(copies()).toEqual([]);
    expect(announced()).toEqual(['Warning RemovalFailed', 'Normal CopiesRemoved']);
  });

  test('is not held to account for the time that writes were paused', async () => {
    await leaving(deletes);
    replica.world.aws.failing.set('remove', refused);
    await replica.reconcile();
    replica.shared.world.paused = true;
    replica.world.clock.now += 20 * minute;
    await replica.reconcile();
    replica.shared.world.paused = false;

    const outcome = await replica.reconcile();

    expect(outcome).toMatchObject({ outcome: 'retry', delayMs: 1_000 });
  });

  test('of which a place cannot even be searched is named too', async () => {
    await leaving(deletes);
    replica.world.aws.failing.set('list', refused);
    await replica.reconcile();
    replica.world.clock.now += 10 * minute;

    await replica.reconcile();

    expect(announced().at(-1)).toBe('Warning CopiesLeft');
    expect(replica.manifests.announced.at(-1)?.message).toContain('aws:eu-west-1:: grant secrets.delete');
  });

  test('starts with a clean slate at the next removal of a sync of that name', async () => {
    await leaving(deletes);
    replica.world.aws.failing.set('remove', refused);
    await replica.reconcile();
    // A file that was away comes back.
    replica.world.aws.failing.clear();
    replica.knows({ ...deletes, generation: 3 });
    await replica.reconcile();
    replica.world.clock.now += 60 * minute;
    replica.world.aws.failing.set('remove', refused);
    replica.knows({ ...deletes, generation: 4, deleting: true });

    const outcome = await replica.reconcile();

    expect(outcome).toMatchObject({ outcome: 'retry', delayMs: 1_000 });
    expect(isHeldBack()).toBe(true);
  });
});

describe('a resource that is created anew under the same name', () => {
  const anew = someSync({ removalPolicy: 'Delete' }, { generation: 1, createdAt: 99 });

  test('keeps its copies, counts its generations from the start, and says where they are and how they are reached', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/writer';
    const { spec } = someSync({ dest: [{ aws: { roleArn } }] });
    replica.knows({ ...someSync({}, { generation: 5 }), spec });
    await replica.reconcile();
    const before = replica.world.aws.values()['app/db'];
    replica.world.clock.now += 1_000;
    replica.manifests.statuses.clear();

    replica.knows({ ...anew, spec });
    await replica.reconcile();
    const places = replica.manifests.statusOf(anew)?.destinations;
    replica.world.vault.put('app/db', { user: 'eve' });
    await replica.follow('app/db');

    expect(before).toContain('ada');
    expect(replica.world.aws.values()['app/db']).toContain('eve');
    expect(places).toEqual([{ destination: 'aws:eu-west-1:', roleArn }]);
  });

  test('is not let go when the removal of the former one ends late', async () => {
    await leaving(deletes);
    const isRemoving = Promise.withResolvers<void>();
    const mayGoOn = Promise.withResolvers<void>();
    const { remove } = replica.world.aws;
    replica.world.aws.remove = async function slowly(...args) {
      isRemoving.resolve();
      await mayGoOn.promise;
      return remove.apply(this, args);
    };

    const removing = replica.reconcile();
    await isRemoving.promise;
    replica.knows(anew);
    mayGoOn.resolve();
    await removing;

    expect(replica.syncs.get(key)?.sync).toMatchObject({ createdAt: 99, deleting: false });
    expect(isHeldBack()).toBe(true);
    await replica.reconcile();
    expect(copies()).toEqual(['app/db']);
  });

  test('in the very moment of being let go stays known, and is followed', async () => {
    await leaving(deletes);
    const { setFinalizer } = replica.manifests;
    replica.manifests.setFinalizer = async function andAnew(sync, present) {
      await setFinalizer.call(this, sync, present);
      if (!present) replica.knows(anew);
    };

    await replica.reconcile();
    replica.manifests.setFinalizer = setFinalizer;
    await replica.reconcile();

    expect(replica.syncs.get(key)?.sync).toMatchObject({ createdAt: 99 });
    expect(copies()).toEqual(['app/db']);
  });

  test('is no more when the former one was let go by hand in the midst of its removal', async () => {
    await leaving(deletes);
    const { remove } = replica.world.aws;
    replica.world.aws.remove = async function andGone(...args) {
      replica.syncs.delete(key);
      return remove.apply(this, args);
    };

    await replica.reconcile();

    expect(announced()).toEqual(['Normal CopiesRemoved']);
  });
});
