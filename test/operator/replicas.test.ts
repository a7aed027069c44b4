import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fixSpec, SyncError } from '../../src/errors.ts';
import { leaveWord } from '../../src/operator/asked.ts';
import { wishesOf } from '../../src/operator/requests.ts';
import { awsOnly, someSync } from '../sync/some-sync.ts';
import { Replica } from './replica.ts';

const key = 'team-a/db';
const former = someSync({ dest: awsOnly }, { generation: 1 });
const edited = someSync({ dest: [{ gcp: {} }] }, { generation: 2 });
const sealed = new SyncError({ remedy: 'SourceUnavailable', reason: 'VaultSealed', message: 'unseal it' });

/** Two replicas of one operator: what one knows, the other may have yet to see. */
let one: Replica;
let other: Replica;

beforeEach(() => {
  one = new Replica();
  other = new Replica(one.shared);
  one.world.vault.put('app/db', { user: 'ada' });
});

afterEach(() => Promise.all([one.close(), other.close()]));

const stored = () => [one.world.aws, one.world.gcp].map(({ copies }) => [...copies.keys()].length);

async function statusWritten(replica: Replica) {
  replica.statuses.touch(key);
  await replica.statuses.close();
  return replica.manifests.statusOf(former);
}

describe('a reconcile that was asked for because of an edit', () => {
  test('waits at a replica that has yet to see the edit, and is done once it has', async () => {
    other.knows(former);
    await leaveWord(one.world.ledger, key, { wishes: wishesOf(edited), at: one.world.now() });

    const tooEarly = await other.reconcile();
    const before = stored();
    other.knows(edited);
    const inTime = await other.reconcile();

    expect(tooEarly).toEqual({ outcome: 'retry', delayMs: 200, reason: 'ChangeNotSeenYet', countsAsAttempt: false });
    expect(before).toEqual([0, 0]);
    expect(inTime).toEqual({ outcome: 'done' });
    expect(stored()).toEqual([0, 1]);
  });

  test.each([
    ['a new sync', former, null],
    ['a sync that goes away', { ...former, deleting: true }, former],
    ['a request', { ...former, annotations: { 'force-sync': 'x' } }, former],
  ])('waits likewise for %s', async (_what, wished, seen) => {
    if (seen) other.knows(seen);
    await leaveWord(one.world.ledger, key, { wishes: wishesOf(wished), at: one.world.now() });

    expect(await other.reconcile()).toMatchObject({ outcome: 'retry', countsAsAttempt: false });
  });

  test('waits for ten seconds at most: what a replica sees must do then', async () => {
    other.knows(former);
    await leaveWord(one.world.ledger, key, { wishes: wishesOf(edited), at: one.world.now() });
    one.world.clock.now += 10_000;

    expect(await other.reconcile()).toEqual({ outcome: 'done' });
    expect(stored()).toEqual([1, 0]);
  });

  test('is not undone in the status by a replica that comes late with the former manifest', async () => {
    one.knows(edited);
    await one.reconcile();
    other.knows(former);
    await other.reconcile();

    const status = await statusWritten(one);

    expect(status?.observedGeneration).toBe(2);
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', reason: 'InSync' }));
  });
});

describe('a change in Vault', () => {
  test('that a replica with a former manifest picks up is left to one that knows the latest', async () => {
    const narrowed = someSync({ dest: awsOnly, refreshInterval: '2h' }, { generation: 2 });
    one.knows(narrowed);
    await one.reconcile();
    other.knows(former);
    one.world.vault.put('app/db', { user: 'eve' });

    const behind = await other.follow('app/db');
    const left = one.world.aws.values()['app/db'];
    const current = await one.follow('app/db');

    expect(behind).toMatchObject({ outcome: 'retry', countsAsAttempt: false });
    expect(left).toContain('ada');
    expect(current).toEqual({ outcome: 'done' });
    expect(one.world.aws.values()['app/db']).toContain('eve');
  });

  test('that no sync asks for is done with, unless this replica cannot see its manifests now', async () => {
    const seeing = [await one.follow('app/other'), await one.run({ kind: 'copy', sync: key, copy: 'x', source: '[]' })];
    one.manifests.unseen = 'the API server does not answer';

    const blind = [await one.follow('app/other'), await one.run({ kind: 'copy', sync: key, copy: 'x', source: '[]' })];

    expect(seeing).toEqual([{ outcome: 'done' }, { outcome: 'done' }]);
    expect(blind).toEqual([
      { outcome: 'retry', delayMs: 5_000, reason: 'ManifestsUnknown', countsAsAttempt: false },
      { outcome: 'retry', delayMs: 5_000, reason: 'ManifestsUnknown', countsAsAttempt: false },
    ]);
  });
});

describe('that Vault cannot be read', () => {
  const sourceOf = async (replica: Replica) =>
    (await statusWritten(replica))?.conditions?.find(({ type }) => type === 'SourceAvailable');

  beforeEach(async () => {
    one.knows(former);
    other.knows(former);
    await one.reconcile();
  });

  test('ends for all when any replica has read it again', async () => {
    one.world.vault.failing = sealed;
    await one.follow('app/db');
    one.world.vault.failing = null;
    await other.follow('app/db');

    expect(await sourceOf(one)).toMatchObject({ status: 'True', reason: 'Reachable' });
  });

  test('is told again by the replica that told it before', async () => {
    one.world.vault.failing = sealed;
    await one.follow('app/db');
    one.world.vault.failing = null;
    await other.follow('app/db');
    one.world.vault.failing = sealed;
    await one.follow('app/db');

    expect(await sourceOf(other)).toMatchObject({ status: 'False', reason: 'VaultSealed', message: 'unseal it' });
  });

  test('does not end because a copy was busy', async () => {
    one.world.vault.failing = sealed;
    await one.follow('app/db');
    one.world.leases.impatient = true;
    const held = await one.world.leases.acquire(['aws:eu-west-1:/app/db'], { waitMs: 0 });

    const busy = await one.follow('app/db');

    expect(busy).toMatchObject({ outcome: 'retry', reason: 'CopyBusy' });
    await held?.release();
    expect(await sourceOf(one)).toMatchObject({ status: 'False' });
  });

  test('and only an edit could help is said once, as Stalled, and waits for the edit', async () => {
    one.world.vault.failing = fixSpec('MountNotKv', 'secret is no KV mount');

    const outcome = await one.reconcile();
    const status = await statusWritten(one);

    expect(outcome).toEqual({ outcome: 'done' });
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'MountNotKv' }),
    );
  });

  test('stands in the way of no run where the ledger cannot note it', async () => {
    one.world.ledger.recall = async () => Promise.reject(new Error('away'));

    await expect(one.follow('app/db')).resolves.toEqual({ outcome: 'done' });
  });
});
