import { describe, expect, test } from '@jest/globals';
import { buildInterestIndex } from '../../src/webhook/interest-index.ts';
import { UnreadChanges } from '../../src/webhook/unread-changes.ts';
import { auditEntry, type EntryOptions } from './entries.ts';
import { type FakeClock, fakeClock, interestIn } from './fakes.ts';

const nothing = buildInterestIndex(interestIn([]), null);
const everything = buildInterestIndex(interestIn(), null);

function startUnread(clock: FakeClock = fakeClock()) {
  const unread = new UnreadChanges(clock);
  return {
    clock,
    unread,
    /** Heard of a change of a secret, or of what is told otherwise. */
    hear(name: string, options: EntryOptions = {}, index = nothing) {
      const path = `secret/data/${name}`;
      const record = Buffer.from(JSON.stringify(auditEntry({ path, ...options })));
      const verdict = unread.keepUnwanted({ vault: 'main', paths: [path], record, index });
      record.fill(0);
      return verdict;
    },
    take: () => unread.takeWanted(everything).map(({ verdict }) => `${verdict.path} ${verdict.version}`),
  };
}

describe('UnreadChanges', () => {
  test('keeps what nobody wants until somebody does, and gives it once', () => {
    const { unread, hear, take } = startUnread();
    const verdict = hear('app', { version: 3 });

    const before = unread.takeWanted(nothing);

    expect(verdict).toBe('changed');
    expect(before).toEqual([]);
    expect(take()).toEqual(['secret/data/app 3']);
    expect(take()).toEqual([]);
  });

  test('takes nothing that may be wanted', () => {
    const { unread, hear } = startUnread();
    hear('app');

    const [fresh, known] = [hear('web', {}, everything), hear('app', {}, everything)];

    expect([fresh, known]).toEqual([null, null]);
    expect(unread.size).toBe(1);
  });

  test('takes nothing that is too long to be kept', () => {
    const { unread, hear } = startUnread();

    const verdict = hear('app', { requestData: 'x'.repeat(16 * 1024) });

    expect(verdict).toBeNull();
    expect(unread.size).toBe(0);
  });

  test.each([
    { mountType: 'kv', verdict: 'changed' },
    { mountType: 'generic', verdict: 'changed' },
    { mountType: null, verdict: 'changed' },
    { mountType: 'transit', verdict: 'ignored' },
  ])('counts a write to a mount of type $mountType as $verdict', ({ mountType, verdict }) => {
    const { hear } = startUnread();

    expect(hear('app', { mountType })).toBe(verdict);
    expect(hear('app', { mountType })).toBe(verdict);
  });

  test.each([
    { what: 'shorter', requestData: [undefined, 'x'] },
    { what: 'longer', requestData: ['x', 'y'.repeat(5_000)] },
  ])('keeps the latest record of a path, be it $what than the one before', ({ requestData: [first, second] }) => {
    const { unread, hear, take } = startUnread();
    hear('app', { version: 12, requestData: first });
    hear('web', { version: 1 });

    hear('app', { version: 7, requestData: second });

    expect(unread.size).toBe(2);
    expect(take().sort()).toEqual(['secret/data/app 7', 'secret/data/web 1']);
  });

  test('takes a path for changed when its latest record tells of no change', () => {
    const { hear, take } = startUnread();
    hear('failed', { error: 'denied' });
    hear('app', { version: 2 });
    hear('app', { error: 'denied' });

    expect(take()).toEqual(['secret/data/app null']);
  });

  test('forgets what is older than a minute, and keeps what was heard again', async () => {
    const { clock, hear, take } = startUnread();
    hear('old');
    hear('again', { version: 1 });
    await clock.advance(40_000);
    hear('again', { version: 2 });
    await clock.advance(40_000);
    hear('new', { version: 3 });

    expect(take().sort()).toEqual(['secret/data/again 2', 'secret/data/new 3']);
  });

  test('moves what is heard again to those that are kept longest', async () => {
    const { unread, clock, hear, take } = startUnread();
    hear('early', { version: 1 });
    for (const version of [2, 3, 4]) {
      await clock.advance(59_000);
      hear(`other-${version}`);
      hear('early', { version });
    }

    expect(take()).toContain('secret/data/early 4');
    expect(unread.size).toBe(0);
  });

  test('keeps the latest ten thousand, and no more than twice as many', () => {
    const { unread, hear, take } = startUnread();
    let most = 0;

    for (let index = 0; index < 25_000; index++) {
      hear(`${index}`);
      most = Math.max(most, unread.size);
    }

    const taken = take();
    expect(most).toBeLessThanOrEqual(20_000);
    expect(taken.slice(-10_000)).toEqual(Array.from({ length: 10_000 }, (_, at) => `secret/data/${15_000 + at} null`));
  });

  test('keeps no more than sixteen megabytes', () => {
    const { unread, hear } = startUnread();

    for (let index = 0; index < 1_500; index++) hear(`${index}`, { requestData: 'x'.repeat(15_000) });

    expect(unread.size).toBeGreaterThan(500);
    expect(unread.size * 15_000).toBeLessThan(16 * 1024 * 1024);
  });

  test('tells Vaults, and namespaces, apart', () => {
    const { unread } = startUnread();
    const record = Buffer.from(JSON.stringify(auditEntry({ path: 'secret/data/app', namespace: 'team-a' })));
    const inTeam = buildInterestIndex(interestIn([{ namespace: 'team-a' }]), null);
    const paths = ['team-a/', 'secret/data/app'];
    unread.keepUnwanted({ vault: 'main', paths, record, index: nothing });
    unread.keepUnwanted({ vault: 'other', paths, record, index: nothing });

    const inRoot = unread.takeWanted(buildInterestIndex(interestIn([{ mount: 'infra/kv' }]), null));
    const wanted = unread.takeWanted(inTeam);

    expect(inRoot).toEqual([]);
    expect(wanted).toMatchObject([{ vault: 'main', verdict: { namespace: 'team-a', path: 'secret/data/app' } }]);
    expect(unread.size).toBe(1);
  });
});
