import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LedgerEntry } from '../../../src/state/contract.ts';
import type { StateUnderTest } from '../runs.ts';

/** An entry with what its user remembers besides: all of it must come back. */
interface Remembered extends LedgerEntry {
  readonly version: number | null;
  readonly message: string;
  readonly [more: string]: unknown;
}

function entryOf(changes: Partial<Remembered> = {}): Remembered {
  return {
    sync: 'team/a',
    destination: 'aws:123456789012:eu-west-1',
    source: '["main","","secret","a"]',
    name: 'prod/a',
    state: 'synced',
    unwell: false,
    version: 3,
    createdTime: '2026-01-02T03:04:05.678901234Z',
    fingerprint: 'f'.repeat(40),
    settingsFingerprint: null,
    versionId: 'vss1-0000000003-abc',
    writtenAt: 1_767_323_045_678,
    generation: 1,
    message: '',
    reason: '',
    at: 1_767_323_045_999,
    ...changes,
  };
}

export function describeLedger(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  describe('the ledger', () => {
    test('remembers what was recorded, exactly, and nothing else', async () => {
      const { ledger } = world.state;
      const entry = entryOf({ message: 'denied: "a" – ünï', state: 'failed', version: null });

      await ledger.record('c1', entry);
      await ledger.record('c2', entryOf());
      await ledger.forget('c2');
      await ledger.forget('never there');

      expect(await ledger.get(['c1', 'c2', 'c3'])).toEqual([entry, null, null]);
      expect(await ledger.get([])).toEqual([]);
    });

    test('counts copies by destination and state as they move', async () => {
      const { ledger } = world.state;
      await ledger.record('c1', entryOf());
      await ledger.record('c2', entryOf());
      await ledger.record('c3', entryOf({ destination: 'gcp:p' }));

      await ledger.record('c1', entryOf({ state: 'failed' }));
      await ledger.record('c1', entryOf({ state: 'failed', version: 4 }));
      await ledger.record('c3', entryOf({ destination: 'gcp:p', state: 'conflict' }));
      await ledger.forget('c2');

      expect(await ledger.counts('team/a')).toEqual({
        'aws:123456789012:eu-west-1': { failed: 1 },
        'gcp:p': { conflict: 1 },
      });
      expect(await ledger.counts('team/b')).toEqual({});
    });

    test('a copy that goes over to another sync leaves the first one', async () => {
      const { ledger } = world.state;
      await ledger.record('c1', entryOf());

      await ledger.record('c1', entryOf({ sync: 'team/b' }));

      expect(await copiesOf('team/a')).toEqual([]);
      expect(await copiesOf('team/b')).toEqual(['c1']);
      expect(await ledger.counts('team/a')).toEqual({});
      expect(await ledger.counts('team/b')).toEqual({ 'aws:123456789012:eu-west-1': { synced: 1 } });
    });

    test('lists every copy of a sync once, also of a large one, and while some are forgotten', async () => {
      const { ledger } = world.state;
      const names = Array.from({ length: 1200 }, (_, index) => `c${String(index).padStart(4, '0')}`);
      await Promise.all(names.map((copy) => ledger.record(copy, entryOf())));
      await ledger.record('other', entryOf({ sync: 'team/a2' }));

      const all = await copiesOf('team/a');
      const rest: string[] = [];
      for await (const { copy } of ledger.ofSync('team/a')) {
        rest.push(copy);
        await ledger.forget(copy);
      }

      expect(all).toEqual(names);
      expect(rest).toEqual(names);
      expect(await copiesOf('team/a')).toEqual([]);
    });

    test('finds the copies that are unwell, as they fall ill, recover, are handed over and forgotten', async () => {
      const { ledger } = world.state;
      const names = Array.from({ length: 600 }, (_, index) => `c${String(index).padStart(3, '0')}`);
      await Promise.all(names.map((copy) => ledger.record(copy, entryOf({ unwell: true, state: 'failed' }))));
      await ledger.record('well', entryOf());

      const all = await unwellOf('team/a');
      await ledger.record('c000', entryOf());
      await ledger.record('c001', entryOf({ unwell: true, sync: 'team/b' }));
      await ledger.forget('c002');
      await ledger.record('well', entryOf({ unwell: true, state: 'conflict' }));
      const later = await unwellOf('team/a');
      const others = await unwellOf('team/b');
      await ledger.forgetSync('team/a');

      expect(all).toEqual(names);
      expect(later).toEqual([...names.slice(3), 'well']);
      expect(others).toEqual(['c001']);
      expect(await unwellOf('team/a')).toEqual([]);
      expect(await unwellOf('team/b')).toEqual(['c001']);
    });

    test('keeps small facts with a sync', async () => {
      const { ledger } = world.state;

      await ledger.remember('team/a', 'mount', 'uuid-1');
      await ledger.remember('team/a', 'mount', 'uuid-2');

      expect(await ledger.recall('team/a', 'mount')).toBe('uuid-2');
      expect(await ledger.recall('team/a', 'other')).toBeNull();
      expect(await ledger.recall('team/b', 'mount')).toBeNull();
    });

    test('forgets all about a sync that is gone, and only about that', async () => {
      const { ledger } = world.state;
      const names = Array.from({ length: 700 }, (_, index) => `c${index}`);
      await Promise.all(names.map((copy) => ledger.record(copy, entryOf())));
      await ledger.record('other', entryOf({ sync: 'team/b' }));
      await ledger.remember('team/a', 'mount', 'uuid-1');

      await ledger.forgetSync('team/a');

      expect(await copiesOf('team/a')).toEqual([]);
      expect(await ledger.counts('team/a')).toEqual({});
      expect(await ledger.recall('team/a', 'mount')).toBeNull();
      expect(await ledger.get(['c0', 'c699', 'other'])).toEqual([null, null, entryOf({ sync: 'team/b' })]);
      expect(await ledger.counts('team/b')).toEqual({ 'aws:123456789012:eu-west-1': { synced: 1 } });
    });

    test('counts stay right when many record at once', async () => {
      const { ledger } = world.state;
      const states = ['synced', 'failed', 'conflict', 'absent'] as const;

      const changes = Array.from({ length: 400 }, (_, index) => ({
        copy: `c${index % 40}`,
        state: states[(index * 7) % 4] ?? 'synced',
      }));
      await Promise.all(changes.map(({ copy, state }) => ledger.record(copy, entryOf({ state }))));

      const counts = await ledger.counts('team/a');
      const byState = Object.values(counts['aws:123456789012:eu-west-1'] ?? {});
      expect(byState.reduce((sum, count) => sum + count, 0)).toBe(40);
    });
  });

  function copiesOf(sync: string): Promise<string[]> {
    return namesIn(world.state.ledger.ofSync(sync));
  }

  function unwellOf(sync: string): Promise<string[]> {
    return namesIn(world.state.ledger.unwellOf(sync));
  }
}

async function namesIn(listed: AsyncIterable<{ readonly copy: string }>): Promise<string[]> {
  const copies: string[] = [];
  for await (const { copy } of listed) copies.push(copy);
  return copies;
}
