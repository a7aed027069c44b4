import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { createLogger } from '../../src/logging.ts';
import { rememberProgress } from '../../src/operator/progress.ts';
import { StatusWriter } from '../../src/operator/status-writer.ts';
import { Syncs } from '../../src/operator/syncs.ts';
import type { Budgets } from '../../src/state/contract.ts';
import { eventually } from '../peers/processes.ts';
import { FakeLedger, mainVault } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';
import { FakeManifests } from './fake-manifests.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const sync = someSync();
const key = 'team-a/db';

let manifests: FakeManifests;
let ledger: FakeLedger;
let budgets: GrantedBudgets;
let syncs: Syncs;
let writer: StatusWriter;
let opened: StatusWriter[];

beforeEach(async () => {
  manifests = new FakeManifests();
  ledger = new FakeLedger();
  budgets = new GrantedBudgets();
  syncs = new Syncs({ vaults: [mainVault], installation: 'test' });
  syncs.set(sync);
  opened = [];
  writer = open();
  await reconciled(noon);
});

afterEach(async () => {
  budgets.isOpen = true;
  await Promise.all(opened.map((one) => one.close()));
});

/** Buckets that give nothing until they are told to. */
class GrantedBudgets implements Budgets {
  isOpen = true;
  readonly taken: string[] = [];
  readonly slowed: Parameters<Budgets['slowDown']>[] = [];
  readonly waiting: { readonly bucket: string; readonly grant: () => void }[] = [];

  async take(bucket: string, { rate, signal }: Parameters<Budgets['take']>[1]): Promise<void> {
    if (!this.isOpen) {
      await new Promise<void>((grant, refuse) => {
        signal.addEventListener('abort', () => refuse(signal.reason), { once: true });
        this.waiting.push({ bucket, grant });
      });
    }
    this.taken.push(`${bucket} ${rate.perSecond}/${rate.burst}`);
  }

  async slowDown(...args: Parameters<Budgets['slowDown']>): Promise<void> {
    this.slowed.push(args);
  }

  grant(bucket: string): void {
    const at = this.waiting.findIndex((one) => one.bucket === bucket);
    this.waiting.splice(at, 1)[0]?.grant();
  }
}

function open(): StatusWriter {
  const logger = createLogger({ level: 'silent' });
  const fresh = new StatusWriter({
    syncs,
    state: { ledger, budgets },
    manifests,
    logger,
    random: () => 0,
    now: () => noon,
  });
  opened.push(fresh);
  return fresh;
}

/** A full reconcile has gone through at this time. */
async function reconciled(at: number): Promise<void> {
  await rememberProgress(ledger, key, { generation: 1, createdAt: 0, at, requestedAt: '' });
}

async function written(count: number): Promise<void> {
  await eventually(() => manifests.written.length === count, { what: `${count} statuses` });
}

const ownBucket = `status ${key}`;
const waitingFor = (bucket: string) => budgets.waiting.filter((one) => one.bucket === bucket).length;

describe('the status of a sync that changed', () => {
  test('is written once for what changed together', async () => {
    for (let change = 0; change < 100; change++) writer.touch(key);
    await written(1);

    expect(manifests.written[0]).toMatchObject({ lastSyncTime: new Date(noon).toISOString() });
    expect(budgets.taken).toEqual([`${ownBucket} 1/1`, 'statuses 100/100']);
  });

  test('waits its turn: a sync has one a second, all together have a hundred', async () => {
    budgets.isOpen = false;

    writer.touch(key);
    await eventually(() => waitingFor(ownBucket) === 1, { what: 'the turn of the sync to be waited for' });
    const beforeTheFirst = manifests.written.length;
    budgets.grant(ownBucket);
    await eventually(() => waitingFor('statuses') === 1, { what: 'the turn among all to be waited for' });
    const beforeTheSecond = manifests.written.length;
    budgets.grant('statuses');
    await written(1);

    expect([beforeTheFirst, beforeTheSecond]).toEqual([0, 0]);
  });

  test('that changes while it waits or is written is written once more, with the latest', async () => {
    budgets.isOpen = false;
    writer.touch(key);
    await eventually(() => waitingFor(ownBucket) === 1, { what: 'the first turn' });
    budgets.grant(ownBucket);
    await eventually(() => waitingFor('statuses') === 1, { what: 'the first write' });

    for (let change = 1; change <= 50; change++) {
      await reconciled(noon + change);
      writer.touch(key);
    }
    budgets.grant('statuses');
    await eventually(() => waitingFor(ownBucket) === 1, { what: 'the second turn' });
    const meanwhile = manifests.written.length;
    budgets.isOpen = true;
    budgets.grant(ownBucket);
    await written(2);

    expect(meanwhile).toBe(1);
    expect(manifests.written[1]?.lastSyncTime).toBe(new Date(noon + 50).toISOString());
  });

  test('is not written when it says nothing new, and takes nothing from the others', async () => {
    writer.touch(key);
    await written(1);
    writer.touch(key);
    await eventually(() => budgets.taken.filter((bucket) => bucket.startsWith(ownBucket)).length === 2, {
      what: 'a look',
    });
    await writer.close();

    expect(manifests.written).toHaveLength(1);
    expect(budgets.taken.filter((bucket) => bucket.startsWith('statuses'))).toHaveLength(1);
  });

  test('is not written anew after a restart, though an API server keeps no order of fields', async () => {
    writer.touch(key);
    await written(1);
    await writer.close();
    manifests.put(sync, manifests.written[0]!);

    const next = open();
    next.touch(key);
    await next.close();

    expect(manifests.written).toHaveLength(1);
  });

  test('is not written for a sync that is gone or going away', async () => {
    syncs.set({ ...sync, deleting: true });
    writer.touch(key);
    writer.touch('team-a/unknown');
    await writer.close();

    expect(manifests.written).toEqual([]);
  });

  test('is written when the process ends, without waiting for a turn', async () => {
    budgets.isOpen = false;
    writer.touch(key);
    await eventually(() => waitingFor(ownBucket) === 1, { what: 'the turn to be waited for' });

    await writer.close();

    expect(manifests.written).toHaveLength(1);
  });

  test('is given up at the end of the process when the API server does not answer', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    manifests.held = promise;
    writer.touch(key);

    await writer.close();

    expect(manifests.written).toEqual([]);
    resolve();
    await written(1);
  });
});

describe('a status that could not be written', () => {
  test('is written later', async () => {
    manifests.failures.push(new SyncError({ remedy: 'Retry', reason: 'Unreachable', message: 'no answer' }));

    writer.touch(key);
    await written(1);

    expect(budgets.slowed).toEqual([]);
  });

  test('because there were too many slows all of them down, for as long as was said', async () => {
    const refusal = { remedy: 'RateLimited', reason: 'RateLimited', message: 'wait', retryAfterMs: 3_000 } as const;
    manifests.failures.push(new SyncError(refusal));

    writer.touch(key);
    await written(1);

    expect(budgets.slowed).toEqual([['statuses', { rate: { perSecond: 100, burst: 100 }, retryAfterMs: 3_000 }]]);
  });

  test('because another replica was faster is worked out anew, and keeps what that one wrote', async () => {
    manifests.beforeWrite = () => {
      manifests.beforeWrite = () => undefined;
      manifests.put(sync, { destinations: [{ destination: 'gcp:p', synced: 1, roleArn: 'x' }] });
    };

    writer.touch(key);
    await written(1);

    expect(manifests.written[0]?.destinations).toEqual([{ destination: 'gcp:p', roleArn: 'x' }]);
  });
});

describe('what one replica has seen', () => {
  test('of the lag is written once, and does not replace what another saw later', async () => {
    writer.noteLag(key, 2);
    writer.touch(key);
    await written(1);
    manifests.put(sync, { ...manifests.written[0], sourceLagSeconds: 7 });
    await reconciled(noon + 1);
    writer.touch(key);
    await written(2);

    expect(manifests.written.map(({ sourceLagSeconds }) => sourceLagSeconds)).toEqual([2, 7]);
  });

  test('of a sweep is written once: a place that is written again later stays listed', async () => {
    manifests.put(sync, { destinations: [{ destination: 'gcp:old' }] });
    writer.notePlaces(key, [{ destination: 'gcp:old', unswept: null }]);
    writer.touch(key);
    await written(1);
    await writer.recordPlaces(sync, [{ destination: 'gcp:old' }]);
    await reconciled(noon + 1);
    writer.touch(key);
    await written(3);

    expect(manifests.written.map(({ destinations }) => destinations?.length)).toEqual([0, 1, 1]);
  });

  test('stays until it is written', async () => {
    manifests.failures.push(new SyncError({ remedy: 'Retry', reason: 'Unreachable', message: 'no answer' }));
    writer.noteLag(key, 2);

    writer.touch(key);
    await written(1);

    expect(manifests.written[0]?.sourceLagSeconds).toBe(2);
  });
});

describe('people are told', () => {
  test('when the state changes, not when the status does', async () => {
    writer.touch(key);
    await written(1);
    await reconciled(noon + 1);
    writer.touch(key);
    await written(2);

    expect(manifests.announced).toEqual([
      { type: 'Normal', reason: 'NothingSelected', message: 'Vault has no secret that this selects' },
    ]);
  });

  test('nothing when the status could not be written', async () => {
    manifests.failures.push(new SyncError({ remedy: 'SlowRetry', reason: 'Forbidden', message: 'not allowed' }));

    writer.touch(key);
    await eventually(() => manifests.failures.length === 0, { what: 'the failure' });

    expect(manifests.announced).toEqual([]);
  });
});
