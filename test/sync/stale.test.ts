import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isStale } from '../../src/sync/plan.ts';
import { type CopyRecord, nothingWritten } from '../../src/sync/ports.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const minute = 60_000;

function reading(version: number | null, at: number | null, found = true) {
  return { found, version, createdTime: at === null ? null : new Date(at).toISOString() };
}

function followed(version: number, at: number, staleSince: number | null = null): CopyRecord {
  return {
    ...nothingWritten,
    version,
    createdTime: new Date(at).toISOString(),
    staleSince,
    goneSince: null,
    syncCreatedAt: 0,
    key: null,
    sync: 'team-a/db',
    destination: 'aws:x',
    source: '["main","","secret","app/db"]',
    name: 'app/db',
    state: 'synced',
    generation: 1,
    reason: '',
    message: '',
    stalled: false,
    unwell: false,
    at,
  };
}

const nothing = { heard: null, record: null, now: noon };

describe('isStale', () => {
  test('a first reading is what Vault says', () => {
    expect(isStale({ ...nothing, read: reading(1, noon) })).toBe(false);
  });

  test('a reading older than the version heard is a standby that lags', () => {
    const heard = { version: 3, versionAt: noon, at: noon };

    expect(isStale({ ...nothing, heard, read: reading(2, noon - minute) })).toBe(true);
    expect(isStale({ ...nothing, heard, read: reading(3, noon - 1) })).toBe(false);
    expect(isStale({ ...nothing, heard, read: reading(4, noon) })).toBe(false);
  });

  test('a reading older than the one followed last is a standby that lags', () => {
    const record = followed(3, noon);

    expect(isStale({ ...nothing, record, read: reading(2, noon - minute) })).toBe(true);
    expect(isStale({ ...nothing, record, read: reading(3, noon) })).toBe(false);
    expect(isStale({ ...nothing, record, read: reading(4, noon + 1) })).toBe(false);
  });

  test('a lower version that was created later is new life, and is believed at once', () => {
    const read = reading(1, noon + 1);

    expect(
      isStale({ read, heard: { version: 7, versionAt: noon, at: noon }, record: followed(7, noon), now: noon + 2 }),
    ).toBe(false);
  });

  test('a higher version from the life before is a standby that lags', () => {
    expect(isStale({ ...nothing, record: followed(1, noon), read: reading(7, noon - minute) })).toBe(true);
  });

  test('the same version of the life before is a standby that lags', () => {
    expect(isStale({ ...nothing, record: followed(1, noon), read: reading(1, noon - minute) })).toBe(true);
  });

  test('of two versions within one millisecond the higher is newer', () => {
    expect(isStale({ ...nothing, record: followed(3, noon), read: reading(2, noon) })).toBe(true);
    expect(isStale({ ...nothing, record: followed(2, noon), read: reading(3, noon) })).toBe(false);
  });

  test('an older reading is believed once Vault has said so for 60 s: a snapshot was restored', () => {
    const read = reading(2, noon - minute);
    const record = followed(3, noon, noon);

    expect(isStale({ read, heard: null, record, now: noon + minute - 1 })).toBe(true);
    expect(isStale({ read, heard: null, record, now: noon + minute })).toBe(false);
  });

  test('a deleted version counts like any other', () => {
    const record = followed(3, noon);

    expect(isStale({ ...nothing, record, read: reading(2, noon - minute, false) })).toBe(true);
    expect(isStale({ ...nothing, record, read: reading(3, noon, false) })).toBe(false);
  });

  test.each([
    ['KV v1, which has no versions', reading(0, null)],
    ['a bare not-found', reading(null, null)],
  ])('nothing can be said of %s', (_what, read) => {
    expect(
      isStale({ read, heard: { version: 9, versionAt: noon, at: noon }, record: followed(9, noon), now: noon }),
    ).toBe(false);
  });

  describe('of the very version whose deletion was followed', () => {
    const record = { ...followed(3, noon), state: 'deleted', at: noon + 10 } as const;
    const heardAt = (at: number) => ({ version: 3, versionAt: noon, at });

    test.each<[string, ReturnType<typeof heardAt> | null, boolean]>([
      ['is doubted where nothing was heard', null, true],
      ['is doubted where nothing was heard since', heardAt(noon + 10), true],
      ['is an undelete where something was heard since', heardAt(noon + 11), false],
    ])('that it is there %s', (_title, heard, stale) => {
      expect(isStale({ record, heard, read: reading(3, noon), now: noon + 20 })).toBe(stale);
    });

    test('that it is gone is no news', () => {
      expect(isStale({ record, heard: null, read: reading(3, noon, false), now: noon + 20 })).toBe(false);
    });

    test('that it is there is believed after 60 s, heard of or not', () => {
      const doubted = { ...record, staleSince: noon + 20 };

      expect(isStale({ record: doubted, heard: null, read: reading(3, noon), now: noon + 20 + minute })).toBe(false);
    });

    test('a later one is what Vault says', () => {
      expect(isStale({ record, heard: null, read: reading(4, noon + 1), now: noon + 20 })).toBe(false);
    });
  });

  test('nanoseconds and offsets in the time of creation do no harm', () => {
    const record = { ...followed(1, noon), createdTime: '2026-01-01T12:00:00.123456789Z' };
    const read = { found: true, version: 2, createdTime: '2026-01-01T13:00:00.1234567+01:00' };

    expect(isStale({ read, heard: null, record, now: noon })).toBe(false);
  });

  test('of any two readings at most one is older than the other', () => {
    const version = fc.integer({ min: 1, max: 3 });
    const at = fc.integer({ min: 0, max: 3 }).map((second) => noon + second * 1_000);

    fc.assert(
      fc.property(version, at, version, at, (oneVersion, oneAt, otherVersion, otherAt) => {
        const one = isStale({ ...nothing, read: reading(oneVersion, oneAt), record: followed(otherVersion, otherAt) });
        const other = isStale({
          ...nothing,
          read: reading(otherVersion, otherAt),
          record: followed(oneVersion, oneAt),
        });

        expect(one && other).toBe(false);
        expect(one || other).toBe(oneVersion !== otherVersion || oneAt !== otherAt);
      }),
      { seed: 1 },
    );
  });
});
