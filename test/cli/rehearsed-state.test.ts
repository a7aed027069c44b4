import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rehearseState } from '../../src/cli/rehearsal/rehearse.ts';
import { createLogger } from '../../src/logging.ts';
import type { Ledger, State } from '../../src/state/contract.ts';
import { createMemoryState } from '../../src/state/memory/state.ts';
import type { CopyRecord } from '../../src/sync/ports.ts';
import { describeDeletions } from '../state/conformance/deletions.ts';
import { describeLedger } from '../state/conformance/ledger.ts';

const log = createLogger({ level: 'silent' });

describe('the state of a rehearsal, over an empty one,', () => {
  const open = async () => {
    const below = createMemoryState<CopyRecord>({ log });
    const rehearsed = rehearseState(below, log);
    const close = async () => {
      await Promise.all([below.close(), rehearsed.close()]);
    };
    const state = { ...below, ...rehearsed, close } as unknown as State;
    return { state, webhook: below.asWebhook(), close };
  };
  describeLedger(open);
  describeDeletions(open);
});

const copies = ['c1', 'c2', 'c3', 'c4'];
const syncs = ['team/a', 'team/b'];

const act = fc.oneof(
  fc.record({
    what: fc.constant('record' as const),
    copy: fc.constantFrom(...copies),
    sync: fc.constantFrom(...syncs),
    state: fc.constantFrom('synced', 'failed', 'conflict'),
    destination: fc.constantFrom('aws:eu-west-1:', 'gcp:p'),
  }),
  fc.record({ what: fc.constant('forget' as const), copy: fc.constantFrom(...copies) }),
  fc.record({ what: fc.constant('forgetSync' as const), sync: fc.constantFrom(...syncs) }),
  fc.record({
    what: fc.constant('remember' as const),
    sync: fc.constantFrom(...syncs),
    fact: fc.constantFrom('mounts', 'plan'),
    value: fc.constantFrom('', 'one', 'two'),
  }),
);
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

async function follow(ledger: Ledger<CopyRecord>, acts: readonly Act[]): Promise<void> {
  for (const one of acts) {
    if (one.what === 'record') {
      const { copy, sync, state, destination } = one;
      await ledger.record(copy, { sync, state, destination, unwell: state !== 'synced' } as CopyRecord);
    } else if (one.what === 'forget') await ledger.forget(one.copy);
    else if (one.what === 'forgetSync') await ledger.forgetSync(one.sync);
    else await ledger.remember(one.sync, one.fact, one.value);
  }
}

async function everythingIn(ledger: Ledger<CopyRecord>): Promise<unknown> {
  const sorted = async (known: AsyncIterable<{ readonly copy: string }>) =>
    (await Array.fromAsync(known)).sort((one, other) => (one.copy < other.copy ? -1 : 1));
  const ofSync = async (sync: string) => ({
    copies: await sorted(ledger.ofSync(sync)),
    unwell: await sorted(ledger.unwellOf(sync)),
    counts: await ledger.counts(sync),
    facts: await Promise.all(['mounts', 'plan'].map((fact) => ledger.recall(sync, fact))),
  });
  return [await ledger.get(copies), ...(await Promise.all(syncs.map(ofSync)))];
}

describe('the ledger of a rehearsal', () => {
  test('is what the one below would be, which stays as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), fc.array(act, { maxLength: 12 }), async (before, during) => {
        const [below, really] = [createMemoryState<CopyRecord>({ log }), createMemoryState<CopyRecord>({ log })];
        for (const { ledger } of [below, really]) await follow(ledger, before);
        const untouched = await everythingIn(below.ledger);
        const { ledger } = rehearseState(below, log);

        await follow(ledger, during);
        await follow(really.ledger, during);

        const [seen, expected] = [await everythingIn(ledger), await everythingIn(really.ledger)];
        expect(JSON.parse(JSON.stringify(seen))).toEqual(JSON.parse(JSON.stringify(expected)));
        expect(await everythingIn(below.ledger)).toEqual(untouched);
      }),
      { seed: 20_261_125, numRuns: 500 },
    );
  });

  test('shows a copy once that moves while its sync is listed', async () => {
    const below = createMemoryState<CopyRecord>({ log });
    await follow(
      below.ledger,
      ['c1', 'c2'].map((copy) => recorded(copy)),
    );
    const { ledger } = rehearseState(below, log);
    const seen: string[] = [];

    for await (const { copy, entry } of ledger.ofSync('team/a')) {
      seen.push(copy);
      await ledger.record(copy, { ...entry, state: 'failed' });
    }

    expect(seen).toEqual(['c1', 'c2']);
  });
});

function recorded(copy: string): Act {
  return { what: 'record', copy, sync: 'team/a', state: 'synced', destination: 'gcp:p' };
}

describe('the deletions of a rehearsal', () => {
  test('count those of the last minutes, and are not noted below', async () => {
    const below = createMemoryState<CopyRecord>({ log });
    const [windowMs, now, sync] = [600_000, 1_790_000_000_000, 'team/a'];
    await below.deletions.admit(sync, { copies: ['c1', 'c2'], limit: 3, windowMs, now });
    const { deletions } = rehearseState(below, log);

    const tooMany = await deletions.admit(sync, { copies: ['c3', 'c4'], limit: 3, windowMs, now });
    const enough = await deletions.admit(sync, { copies: ['c3'], limit: 3, windowMs, now });

    expect([tooMany, enough]).toEqual([false, true]);
    expect(await deletions.count(sync, { windowMs, now })).toBe(3);
    expect(await below.deletions.count(sync, { windowMs, now })).toBe(2);
  });
});
