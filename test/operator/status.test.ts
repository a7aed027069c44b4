import { describe, expect, test } from '@jest/globals';
import type { Condition, SyncStatus } from '../../src/crd/status.ts';
import { SyncStatus as StatusSchema } from '../../src/crd/status.ts';
import { fixSpec } from '../../src/errors.ts';
import { type StatusInput, statusOf } from '../../src/operator/status.ts';
import { createCheck } from '../../src/schema.ts';
import { someSync } from '../sync/some-sync.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const timeOf = (at: number) => new Date(at).toISOString();

const inSync: StatusInput = {
  sync: someSync({}, { generation: 3 }),
  previous: null,
  error: null,
  counts: { 'aws:eu-west-1:': { synced: 3 } },
  failures: [],
  progress: { generation: 3, at: noon - 5_000, requestedAt: '' },
  trouble: null,
  mountUuid: 'uuid-1',
  nextReconcileAt: noon + 3_600_000,
  now: noon,
};

const failure = { destination: 'aws:eu-west-1:', name: 'app/db', reason: 'AccessDenied', message: 'grant it' };
const trouble = { reason: 'VaultSealed', message: 'it is sealed; unseal it' };

function statusWith(change: Partial<StatusInput>): SyncStatus {
  return statusOf({ ...inSync, ...change });
}

/** Status and reason of every condition, e.g. `True InSync`. */
function conditionsOf(status: SyncStatus): Record<string, string> {
  return Object.fromEntries((status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]));
}

function conditionOf(status: SyncStatus, type: Condition['type']): Condition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

describe('the conditions', () => {
  const idle = { Reconciling: 'False Idle', Stalled: 'False NotStalled' };
  const reachable = { SourceAvailable: 'True Reachable' };
  const dryRun = someSync({ dryRun: true }, { generation: 3 });
  const suspended = someSync({ suspend: true }, { generation: 3 });

  test.each<[string, Partial<StatusInput>, Record<string, string>]>([
    ['all is in sync', {}, { Ready: 'True InSync', ...idle, ...reachable }],
    ['nothing is selected', { counts: {} }, { Ready: 'True NothingSelected', ...idle, ...reachable }],
    [
      'the first full reconcile has not ended',
      { progress: null },
      {
        Ready: 'Unknown Progressing',
        Reconciling: 'True Progressing',
        Stalled: 'False NotStalled',
        SourceAvailable: 'Unknown NotReadYet',
      },
    ],
    [
      'the manifest was edited since the last full reconcile',
      { progress: { generation: 2, at: noon, requestedAt: '' } },
      { Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'a copy failed and is tried again',
      { counts: { a: { synced: 2, failed: 1 } }, failures: [{ ...failure, stalled: false }] },
      { Ready: 'False AccessDenied', Reconciling: 'True Retrying', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'a copy is refused until the manifest is edited',
      { counts: { a: { synced: 2, failed: 1 } }, failures: [{ ...failure, reason: 'NameInvalid', stalled: true }] },
      { Ready: 'False NameInvalid', Reconciling: 'False Idle', Stalled: 'True NameInvalid', ...reachable },
    ],
    [
      "a copy is another owner's",
      { counts: { a: { conflict: 1 } }, failures: [{ ...failure, reason: 'OwnedByAnother', stalled: true }] },
      { Ready: 'False OwnedByAnother', Reconciling: 'False Idle', Stalled: 'True OwnedByAnother', ...reachable },
    ],
    [
      'one copy is stuck and another is tried again',
      {
        counts: { a: { failed: 2 } },
        failures: [
          { ...failure, reason: 'NameInvalid', stalled: true },
          { ...failure, stalled: false },
        ],
      },
      { Ready: 'False NameInvalid', Reconciling: 'True Retrying', Stalled: 'True NameInvalid', ...reachable },
    ],
    [
      'the manifest makes no sense',
      { error: fixSpec('VaultUnknown', 'no such Vault'), progress: null },
      {
        Ready: 'False VaultUnknown',
        Reconciling: 'False Idle',
        Stalled: 'True VaultUnknown',
        SourceAvailable: 'Unknown NotReadYet',
      },
    ],
    [
      'it is a dry run with changes due',
      { sync: dryRun, counts: { a: { dryRun: 2, synced: 1 } } },
      { Ready: 'Unknown DryRun', ...idle, ...reachable },
    ],
    [
      'it is a dry run with nothing due',
      { sync: dryRun, counts: { a: { synced: 3 } } },
      { Ready: 'True InSync', ...idle, ...reachable },
    ],
    [
      'it is suspended, whatever was wrong',
      {
        sync: suspended,
        counts: { a: { failed: 1 } },
        failures: [{ ...failure, stalled: true }],
        error: fixSpec('VaultUnknown', 'no such Vault'),
        progress: null,
      },
      { Ready: 'Unknown Suspended', ...idle, SourceAvailable: 'Unknown NotReadYet' },
    ],
    [
      'Vault cannot be read and nothing was known',
      { trouble, progress: null },
      {
        Ready: 'Unknown Progressing',
        Reconciling: 'True Progressing',
        Stalled: 'False NotStalled',
        SourceAvailable: 'False VaultSealed',
      },
    ],
  ])('when %s', (_when, change, expected) => {
    expect(conditionsOf(statusWith(change))).toEqual(expected);
  });

  test('Ready counts what is not in sync and says the worst', () => {
    const status = statusWith({
      counts: { a: { synced: 2, failed: 1 }, b: { conflict: 1, retained: 5 } },
      failures: [{ ...failure, stalled: false }],
    });

    expect(conditionOf(status, 'Ready')?.message).toBe('2 of 4 copies are not in sync; grant it');
    expect(status.copies).toBe('2/4');
  });

  test('are of the generation that they speak of', () => {
    const observed = statusWith({}).conditions?.map(({ observedGeneration }) => observedGeneration);

    expect(observed).toEqual([3, 3, 3, 3]);
  });

  test('keep the time of their last transition while their status stays, and renew it when it changes', () => {
    const before = statusWith({ now: noon });
    const failing = { counts: { a: { failed: 1 } }, failures: [{ ...failure, stalled: false }] };

    const same = statusWith({ previous: before, now: noon + 1_000 });
    const changed = statusWith({ previous: same, now: noon + 2_000, ...failing });
    const other = statusWith({
      previous: changed,
      now: noon + 3_000,
      ...failing,
      failures: [{ ...failure, reason: 'Throttled', stalled: false }],
    });

    const times = [before, same, changed, other].map((status) =>
      ['Ready', 'Stalled'].map((type) => conditionOf(status, type as Condition['type'])?.lastTransitionTime),
    );
    expect(times).toEqual([
      [timeOf(noon), timeOf(noon)],
      [timeOf(noon), timeOf(noon)],
      [timeOf(noon + 2_000), timeOf(noon)],
      [timeOf(noon + 2_000), timeOf(noon)],
    ]);
  });
});

describe('while Vault cannot be read', () => {
  test('Ready keeps its value, its reason and its words', () => {
    const before = statusWith({});

    const status = statusWith({ previous: before, trouble, counts: { a: { failed: 3 } }, now: noon + 1_000 });

    expect(conditionOf(status, 'Ready')).toEqual(conditionOf(before, 'Ready'));
    expect(conditionOf(status, 'SourceAvailable')).toMatchObject({ status: 'False', message: trouble.message });
  });

  test('an edit is not reported as done by what was known before it', () => {
    const before = statusWith({});
    const edited = someSync({}, { generation: 4 });

    const status = statusWith({ previous: before, sync: edited, trouble });

    expect(conditionsOf(status)).toMatchObject({ Ready: 'Unknown Progressing', Reconciling: 'True Progressing' });
    expect(status.observedGeneration).toBe(3);
  });

  test('a manifest that makes no sense is still told of', () => {
    const status = statusWith({ previous: statusWith({}), trouble, error: fixSpec('VaultUnknown', 'no such Vault') });

    expect(conditionsOf(status)).toMatchObject({ Ready: 'False VaultUnknown', Stalled: 'True VaultUnknown' });
  });
});

describe('the rest of the status', () => {
  test('an edit is observed only when a full reconcile of it has ended', () => {
    const edited = someSync({}, { generation: 4 });
    const progressOf = (generation: number) => ({ generation, at: noon, requestedAt: '' });

    const observed = [
      statusWith({ sync: edited, previous: null, progress: null }),
      statusWith({ sync: edited, previous: statusWith({}) }),
      statusWith({ sync: edited, progress: progressOf(4) }),
      statusWith({ sync: edited, previous: statusWith({}), error: fixSpec('X', 'x') }),
      statusWith({ sync: someSync({ suspend: true }, { generation: 4 }), previous: statusWith({}) }),
    ].map(({ observedGeneration }) => observedGeneration);

    expect(observed).toEqual([undefined, 3, 4, 4, 4]);
  });

  test('tells times, the mount, and the request that was answered', () => {
    const status = statusWith({ progress: { generation: 3, at: noon - 5_000, requestedAt: 'now!' } });

    expect(status).toMatchObject({
      lastSyncTime: timeOf(noon - 5_000),
      nextReconcileTime: timeOf(noon + 3_600_000),
      sourceMountUUID: 'uuid-1',
      lastHandledReconcileAt: 'now!',
    });
  });

  test('leaves out what is not known', () => {
    const status = statusWith({ progress: null, nextReconcileAt: null, mountUuid: null });

    expect(Object.keys(status).sort()).toEqual(['conditions', 'copies', 'destinations', 'failures']);
  });

  test('an answered request stays answered', () => {
    const previous = { lastHandledReconcileAt: 'then' };

    expect(statusWith({ previous }).lastHandledReconcileAt).toBe('then');
    expect(statusWith({ previous, progress: null }).lastHandledReconcileAt).toBe('then');
  });

  test('a place that was ever written stays listed, so that a lost ledger hides no copy', () => {
    const previous = { destinations: [{ destination: 'gcp:old', synced: 7 }, { destination: 'aws:eu-west-1:' }] };

    expect(statusWith({ previous }).destinations).toEqual([
      { destination: 'aws:eu-west-1:', synced: 3 },
      { destination: 'gcp:old' },
    ]);
  });

  test('failures are shown without what only we need', () => {
    expect(statusWith({ counts: { a: { failed: 1 } }, failures: [{ ...failure, stalled: true }] }).failures).toEqual([
      failure,
    ]);
  });

  test('is what the CRD allows and bounded, however long the messages are', () => {
    const check = createCheck(StatusSchema);
    const long = { ...failure, message: 'x'.repeat(1_024), name: 'n'.repeat(512) };
    const counts = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`aws:${index}`, { failed: 100_000 }]));

    const status = statusWith({
      counts,
      failures: Array.from({ length: 10 }, () => ({ ...long, stalled: true })),
      error: fixSpec('Long', 'y'.repeat(100_000)),
      trouble: { reason: 'VaultSealed', message: 'z'.repeat(100_000) },
    });

    expect(check(status).problems).toEqual([]);
    expect(JSON.stringify(status).length).toBeLessThan(65_536);
  });

  test('the same input gives the same status', () => {
    const status = statusWith({});

    expect(statusWith({ previous: status, now: noon + 99_000 })).toEqual(status);
  });
});
