import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Condition, SyncStatus } from '../../src/crd/status.ts';
import { SyncStatus as StatusSchema } from '../../src/crd/status.ts';
import { fixSpec } from '../../src/errors.ts';
import type { Progress } from '../../src/operator/progress.ts';
import { type StatusInput, statusOf, type UnwellCopy, worstFirst } from '../../src/operator/status.ts';
import { createCheck } from '../../src/schema.ts';
import { type CopyRecord, nothingWritten } from '../../src/sync/ports.ts';
import { someSync } from '../sync/some-sync.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const timeOf = (at: number) => new Date(at).toISOString();

const inSync: StatusInput = {
  sync: someSync({}, { generation: 3 }),
  previous: null,
  error: null,
  counts: { 'aws:eu-west-1:': { synced: 3 } },
  failures: [],
  stopped: null,
  swept: null,
  progress: progressOf(3),
  trouble: null,
  mounts: { secret: 'uuid-1' },
  plan: null,
  lagSeconds: null,
  nextReconcileAt: noon + 3_600_000,
  now: noon,
};

const words = { destination: 'aws:eu-west-1:', name: 'app/db', reason: 'AccessDenied', message: 'grant it' };
const failed: UnwellCopy = { ...words, state: 'failed', stalled: false };
const refused: UnwellCopy = { ...failed, reason: 'NameInvalid', stalled: true };
const drifted: UnwellCopy = { ...words, reason: 'Drifted', message: 'it differed', state: 'drifted', stalled: false };
const conflicting: UnwellCopy = { ...words, reason: 'OwnedByAnother', state: 'conflict', stalled: true };
const guarded: UnwellCopy = { ...words, reason: 'DeletionGuard', message: 'so many', state: 'guarded', stalled: true };
const manifest = { generation: 3, createdAt: 0 };
const trouble = { ...manifest, reason: 'VaultSealed', message: 'it is sealed; unseal it', stalled: false };
const noKv = { ...manifest, reason: 'MountNotKv', message: 'it is no KV mount', stalled: true };

function progressOf(generation: number, more: Partial<Progress> = {}): Progress {
  return { generation, createdAt: 0, at: noon - 5_000, requestedAt: '', ...more };
}

function recordOf(name: string): CopyRecord {
  return {
    ...nothingWritten,
    sync: 'team-a/db',
    destination: 'aws:eu-west-1:',
    source: '[]',
    name,
    state: 'guarded',
    key: null,
    staleSince: null,
    goneSince: null,
    syncCreatedAt: 0,
    generation: 1,
    reason: 'DeletionGuard',
    message: '',
    stalled: true,
    unwell: true,
    at: noon,
  };
}

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
      { progress: progressOf(2) },
      { Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'a copy failed and is tried again',
      { counts: { 'aws:': { synced: 2, failed: 1 } }, failures: [failed] },
      { Ready: 'False AccessDenied', Reconciling: 'True Retrying', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'a copy is refused until the manifest is edited',
      { counts: { 'aws:': { synced: 2, failed: 1 } }, failures: [refused] },
      { Ready: 'False NameInvalid', Reconciling: 'False Idle', Stalled: 'True NameInvalid', ...reachable },
    ],
    [
      "a copy is another owner's",
      { counts: { 'aws:': { conflict: 1 } }, failures: [conflicting] },
      { Ready: 'False OwnedByAnother', Reconciling: 'False Idle', Stalled: 'True OwnedByAnother', ...reachable },
    ],
    [
      'one copy is stuck and another is tried again',
      { counts: { 'aws:': { failed: 2 } }, failures: [refused, failed] },
      { Ready: 'False NameInvalid', Reconciling: 'False Idle', Stalled: 'True NameInvalid', ...reachable },
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
      'Vault says that only an edit can help',
      { trouble: noKv, progress: null },
      {
        Ready: 'False MountNotKv',
        Reconciling: 'False Idle',
        Stalled: 'True MountNotKv',
        SourceAvailable: 'False MountNotKv',
      },
    ],
    [
      'that was said of an earlier manifest',
      { trouble: { ...noKv, generation: 2 }, progress: progressOf(2) },
      {
        Ready: 'Unknown Progressing',
        Reconciling: 'True Progressing',
        Stalled: 'False NotStalled',
        SourceAvailable: 'False MountNotKv',
      },
    ],
    [
      'it was created anew under the same name and not reconciled since',
      { sync: someSync({}, { generation: 3, createdAt: noon }) },
      { Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'somebody else changed a copy, and that is only reported',
      { counts: { 'aws:': { synced: 2, drifted: 1 } }, failures: [drifted] },
      { Ready: 'False Drifted', ...idle, ...reachable },
    ],
    [
      'a copy has drifted and another is tried again',
      { counts: { 'aws:': { drifted: 1, failed: 1 } }, failures: [failed, drifted] },
      { Ready: 'False AccessDenied', Reconciling: 'True Retrying', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'the guard stopped deletions',
      { counts: { 'aws:': { synced: 2, guarded: 12 } }, failures: [guarded] },
      { Ready: 'False DeletionGuard', Reconciling: 'False Idle', Stalled: 'True DeletionGuard', ...reachable },
    ],
    [
      'an edit that may cure what is stuck has not been followed yet',
      { sync: someSync({}, { generation: 4 }), counts: { 'aws:': { guarded: 12 } }, failures: [guarded] },
      { Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False NotStalled', ...reachable },
    ],
    [
      'copies only wait for their deletion, or are kept',
      { counts: { 'aws:': { waiting: 2, retained: 1, deleted: 7 } } },
      { Ready: 'True NothingSelected', ...idle, ...reachable },
    ],
    [
      'more copies failed than could be looked at',
      { counts: { 'aws:': { synced: 2, failed: 1 } } },
      { Ready: 'False Failed', ...idle, ...reachable },
    ],
    [
      'it is a dry run with changes due',
      { sync: dryRun, counts: { 'aws:': { dryRun: 2, synced: 1 } } },
      { Ready: 'Unknown DryRun', ...idle, ...reachable },
    ],
    [
      'it is a dry run with nothing due',
      { sync: dryRun, counts: { 'aws:': { synced: 3 } } },
      { Ready: 'True InSync', ...idle, ...reachable },
    ],
    [
      'it is suspended, whatever was wrong',
      {
        sync: suspended,
        counts: { 'aws:': { failed: 1 } },
        failures: [refused],
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
      counts: {
        'aws:': { synced: 2, failed: 1, drifted: 1, guarded: 1 },
        'gcp:p': { conflict: 1, retained: 5, waiting: 6, deleted: 7 },
        // Could not even be named.
        aws: { failed: 1 },
      },
      failures: [failed],
    });

    expect(conditionOf(status, 'Ready')?.message).toBe('5 of 7 copies are not in sync; grant it');
    expect(status.copies).toBe('2/7');
  });

  test('are of the generation that they speak of', () => {
    const observed = statusWith({}).conditions?.map(({ observedGeneration }) => observedGeneration);

    expect(observed).toEqual([3, 3, 3, 3]);
  });

  test('keep the time of their last transition while their status stays, and renew it when it changes', () => {
    const before = statusWith({ now: noon });
    const failing = { counts: { 'aws:': { failed: 1 } }, failures: [failed] };

    const same = statusWith({ previous: before, now: noon + 1_000 });
    const changed = statusWith({ previous: same, now: noon + 2_000, ...failing });
    const other = statusWith({
      previous: changed,
      now: noon + 3_000,
      ...failing,
      failures: [{ ...failed, reason: 'Throttled' }],
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

    const status = statusWith({ previous: before, trouble, counts: { 'aws:': { failed: 3 } }, now: noon + 1_000 });

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

    const observed = [
      statusWith({ sync: edited, previous: null, progress: null }),
      statusWith({ sync: edited, previous: statusWith({}) }),
      statusWith({ sync: edited, progress: progressOf(4) }),
      statusWith({ sync: edited, previous: statusWith({}), error: fixSpec('X', 'x') }),
      statusWith({ sync: someSync({ suspend: true }, { generation: 4 }), previous: statusWith({}) }),
    ].map(({ observedGeneration }) => observedGeneration);

    expect(observed).toEqual([undefined, 3, 4, 4, 4]);
  });

  test('tells times, the mounts, and the request that was answered', () => {
    const status = statusWith({ progress: progressOf(3, { requestedAt: 'now!' }) });

    expect(status).toMatchObject({
      lastSyncTime: timeOf(noon - 5_000),
      nextReconcileTime: timeOf(noon + 3_600_000),
      sourceMounts: [{ mount: 'secret', uuid: 'uuid-1' }],
      lastHandledReconcileAt: 'now!',
    });
  });

  test('keeps the mounts that it told of while the ledger has lost them: they prove that a secret is gone', () => {
    const before = statusWith({});

    const status = statusWith({ previous: before, mounts: {} });

    expect(status.sourceMounts).toEqual(before.sourceMounts);
  });

  test('leaves out what is not known', () => {
    const status = statusWith({ progress: null, nextReconcileAt: null, mounts: {} });

    expect(Object.keys(status).sort()).toEqual(['conditions', 'copies', 'destinations', 'failures']);
  });

  test('an answered request stays answered', () => {
    const previous = { lastHandledReconcileAt: 'then' };

    expect(statusWith({ previous }).lastHandledReconcileAt).toBe('then');
    expect(statusWith({ previous, progress: null }).lastHandledReconcileAt).toBe('then');
  });

  test('failures are shown without what only we need', () => {
    expect(statusWith({ counts: { 'aws:': { failed: 1 } }, failures: [failed] }).failures).toEqual([words]);
  });

  test('what a dry run found is summed up, and only for a dry run', () => {
    const plan = { create: 2, unchanged: 1 };
    const dryRun = someSync({ dryRun: true }, { generation: 3 });

    expect(statusWith({ sync: dryRun, plan }).plan).toEqual(plan);
    expect(statusWith({ sync: dryRun }).plan).toBeUndefined();
    expect(statusWith({ plan }).plan).toBeUndefined();
  });

  test('the lag is told in whole seconds, and stands until another is known', () => {
    const lags = [
      statusWith({}),
      statusWith({ lagSeconds: 0.2 }),
      statusWith({ lagSeconds: 2.7 }),
      statusWith({ previous: { sourceLagSeconds: 4 } }),
      statusWith({ previous: { sourceLagSeconds: 4 }, lagSeconds: 1 }),
    ].map(({ sourceLagSeconds }) => sourceLagSeconds);

    expect(lags).toEqual([undefined, 0, 3, 4, 1]);
  });

  test('stopped deletions are told by their number, some names and the digest that releases them', () => {
    const copies = new Map(
      Array.from({ length: 12 }, (_, index) => [`copy-${index}`, recordOf(`app/${String(index).padStart(2, '0')}`)]),
    );

    const status = statusWith({ stopped: { copies, digest: 'abc' } });

    expect(status.stoppedDeletions).toEqual({
      count: 12,
      names: Array.from({ length: 10 }, (_, index) => `aws:eu-west-1:/app/0${index}`),
      digest: 'abc',
    });
    expect(statusWith({ stopped: { copies: new Map(), digest: 'abc' } }).stoppedDeletions).toBeUndefined();
  });

  test('the same input gives the same status', () => {
    const status = statusWith({});

    expect(statusWith({ previous: status, now: noon + 99_000 })).toEqual(status);
  });
});

describe('places', () => {
  const auth = { serviceAccountRef: { name: 'writer' } };
  const previous: SyncStatus = {
    destinations: [
      { destination: 'aws:eu-west-1:', synced: 1, roleArn: 'arn:aws:iam::123456789012:role/x', auth },
      { destination: 'gcp:old', synced: 7, unswept: 'no permission to list' },
    ],
  };

  test('that were ever written stay listed with the role and the identity, so that a lost ledger hides no copy', () => {
    expect(statusWith({ previous, counts: {} }).destinations).toEqual([
      { destination: 'aws:eu-west-1:', roleArn: 'arn:aws:iam::123456789012:role/x', auth },
      { destination: 'gcp:old', unswept: 'no permission to list' },
    ]);
  });

  test('keep why they could not be swept until they are looked for again', () => {
    const sweptOf = (swept: StatusInput['swept']) =>
      statusWith({ previous, swept }).destinations?.find(({ destination }) => destination === 'gcp:old');

    expect(sweptOf(null)).toEqual({ destination: 'gcp:old', unswept: 'no permission to list' });
    expect(sweptOf(new Map([['gcp:old', 'throttled']]))).toEqual({ destination: 'gcp:old', unswept: 'throttled' });
    // A destination leads there again.
    expect(sweptOf(new Map())).toEqual({ destination: 'gcp:old' });
    expect(sweptOf(new Map([['gcp:old', null]]))).toBeUndefined();
  });

  test('that hold copies stay listed, whatever a sweep before them found', () => {
    const swept = new Map([['gcp:old', null]]);

    const { destinations } = statusWith({ previous, swept, counts: { 'gcp:old': { synced: 1 } } });

    expect(destinations).toContainEqual({ destination: 'gcp:old', synced: 1 });
  });

  test('of copies that could not be named are listed for as long as there are some', () => {
    const counted = statusWith({ counts: { aws: { failed: 1 } } });

    expect(counted.destinations).toEqual([{ destination: 'aws', failed: 1 }]);
    expect(statusWith({ previous: counted, counts: {} }).destinations).toEqual([]);
  });

  test('are the last to go where there are more than a status holds', () => {
    const places = Array.from({ length: 64 }, (_, index) => `gcp:p${index}`);
    const counts = Object.fromEntries([...places, 'aws', 'azure'].map((place) => [place, { failed: 1 }]));

    const listed = statusWith({ counts }).destinations?.map(({ destination }) => destination);

    expect(listed?.sort()).toEqual(places.sort());
  });
});

describe('however much there is to say', () => {
  const check = createCheck(StatusSchema);
  const long = (character: string) => character.repeat(100_000);
  const failures = Array.from({ length: 10 }, () => ({ ...refused, message: long('m'), name: long('n') }));
  const stopped = {
    copies: new Map(
      Array.from({ length: 100_000 }, (_, index) => [`${index}`, recordOf(`${index}${'n'.repeat(500)}`)]),
    ),
    digest: 'd'.repeat(64),
  };
  const everything: Partial<StatusInput> = {
    counts: Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [
        `aws:${index}:123456789012`,
        { synced: 100_000, failed: 100_000, conflict: 9, retained: 9, drifted: 9, waiting: 9, guarded: 9, dryRun: 9 },
      ]),
    ),
    previous: {
      destinations: Array.from({ length: 64 }, (_, index) => ({
        destination: `aws:${index}:123456789012`,
        roleArn: `arn:aws:iam::123456789012:role/${'r'.repeat(200)}`,
      })),
    },
    swept: new Map(Array.from({ length: 64 }, (_, index) => [`aws:${index}:123456789012`, long('u')])),
    failures,
    stopped,
    mounts: Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`${index}${'m'.repeat(500)}`, 'u'.repeat(128)]),
    ),
    trouble: { ...trouble, message: long('t') },
    error: fixSpec('Long', long('e')),
    progress: progressOf(3, { requestedAt: long('q') }),
    lagSeconds: 1e9,
  };

  test.each<[string, Partial<StatusInput>]>([
    ['texts without end', everything],
    ['texts of characters that need many bytes', { ...everything, error: fixSpec('Long', long('😀')) }],
    ['control characters', { ...everything, failures: failures.map((one) => ({ ...one, message: long('\u0001') })) }],
    ['a hundred thousand copies', { counts: { 'gcp:p': { synced: 100_000, guarded: 100_000 } }, stopped }],
  ])('the status is what the CRD allows and at most 64 KiB (%s)', (_what, input) => {
    const status = statusWith(input);

    expect(check(status).problems).toEqual([]);
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThanOrEqual(65_536);
  });

  test('places and roles are never cut', () => {
    const places = statusWith(everything).destinations?.map(({ destination, roleArn }) => ({ destination, roleArn }));

    expect(places).toHaveLength(64);
    expect(places).toEqual(expect.arrayContaining([...(everything.previous?.destinations ?? [])]));
  });

  test('texts that fit are whole', () => {
    const message = 'm'.repeat(4_000);

    expect(conditionOf(statusWith({ error: fixSpec('Long', message) }), 'Ready')?.message).toBe(message);
  });

  test('no character is cut in half', () => {
    const { message = '' } = conditionOf(statusWith({ error: fixSpec('Long', `x${long('😀')}`) }), 'Ready') ?? {};

    expect(message.isWellFormed()).toBe(true);
    expect([...message].length).toBeLessThanOrEqual(4_096);
  });
});

describe('the worst', () => {
  test('are those that somebody must see to, then what is tried again, then drift', () => {
    const other = { ...failed, name: 'app/a' };

    expect(worstFirst([drifted, failed, other, refused, conflicting, guarded])).toEqual([
      guarded,
      conflicting,
      refused,
      other,
      failed,
      drifted,
    ]);
  });

  test('come in the same order however they are found', () => {
    const copies = [guarded, conflicting, refused, failed, drifted];

    fc.assert(
      fc.property(fc.shuffledSubarray(copies, { minLength: copies.length }), (shuffled) => {
        expect(worstFirst(shuffled)).toEqual(copies);
      }),
      { seed: 1 },
    );
  });
});

/**
 * What a tool that follows kstatus makes of a status: first whether it is of this generation, then what goes wrong or
 * on, then Ready.
 */
function seenByTools({ observedGeneration, conditions = [] }: SyncStatus, generation: number): string {
  const is = (type: string) => conditions.find((condition) => condition.type === type)?.status === 'True';
  if (observedGeneration !== generation) return 'InProgress';
  if (is('Reconciling') && is('Stalled')) return 'both';
  if (is('Reconciling')) return 'InProgress';
  if (is('Stalled')) return 'Failed';
  return is('Ready') ? 'Current' : 'InProgress';
}

describe('tools that follow kstatus', () => {
  test.each<[string, Partial<StatusInput>, string]>([
    ['in sync', {}, 'Current'],
    ['nothing to copy', { counts: {} }, 'Current'],
    ['not reconciled yet', { progress: null }, 'InProgress'],
    ['edited since', { progress: progressOf(2), previous: { observedGeneration: 2 } }, 'InProgress'],
    ['refused', { error: fixSpec('VaultUnknown', 'no such Vault') }, 'Failed'],
    ['stuck', { counts: { 'aws:': { failed: 1 } }, failures: [refused] }, 'Failed'],
    ['stuck and retried', { counts: { 'aws:': { failed: 2 } }, failures: [refused, failed] }, 'Failed'],
    ['retried', { counts: { 'aws:': { failed: 1 } }, failures: [failed] }, 'InProgress'],
    ['guarded', { counts: { 'aws:': { guarded: 1 } }, failures: [guarded] }, 'Failed'],
    ['drifted', { counts: { 'aws:': { drifted: 1 } }, failures: [drifted] }, 'InProgress'],
    ['Vault away', { trouble, previous: statusWith({}) }, 'Current'],
  ])('see a sync that is %s as it is', (_what, input, expected) => {
    expect(seenByTools(statusWith(input), 3)).toBe(expected);
  });

  test('never see Reconciling and Stalled both True', () => {
    const input = fc.record({
      progress: fc.constantFrom(null, progressOf(2), progressOf(3)),
      error: fc.constantFrom(null, fixSpec('VaultUnknown', 'no such Vault')),
      trouble: fc.constantFrom(null, trouble, noKv, { ...noKv, generation: 2 }),
      failures: fc.subarray([guarded, conflicting, refused, failed, drifted]),
      sync: fc.constantFrom(inSync.sync, someSync({ suspend: true }, { generation: 3 })),
      previous: fc.constantFrom(null, statusWith({}), statusWith({ progress: progressOf(2) })),
    });

    fc.assert(
      fc.property(input, (change) => {
        const counts = { 'aws:': Object.fromEntries(change.failures.map(({ state }) => [state, 1])) };
        expect(seenByTools(statusWith({ ...change, counts }), 3)).not.toBe('both');
      }),
      { seed: 1 },
    );
  });
});
