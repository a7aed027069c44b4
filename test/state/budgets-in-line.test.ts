import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Rate } from '../../src/state/contract.ts';
import { MemoryBudgets } from '../../src/state/memory/budgets.ts';
import { VirtualClock } from './virtual-clock.ts';

const never = new AbortController().signal;

describe('budgets in memory, by a clock that the test moves', () => {
  let clock: VirtualClock;
  let budgets: MemoryBudgets;
  /** What was served, in order, with the time. */
  let served: { readonly who: string; readonly at: number }[];
  beforeEach(() => {
    clock = new VirtualClock();
    budgets = new MemoryBudgets(clock);
    served = [];
  });
  afterEach(() => budgets.close());

  const ask = (who: string, rate: Rate, options: { backfill?: boolean; signal?: AbortSignal } = {}) => {
    const { backfill = false, signal = never } = options;
    budgets
      .take('a', { rate, backfill, signal })
      .then(() => served.push({ who, at: clock.now() }))
      .catch(() => undefined);
  };
  const times = () => served.map(({ at }) => at);

  test('each is served at the very millisecond when its call may be made', async () => {
    for (let count = 0; count < 6; count += 1) ask('event', { perSecond: 4, burst: 2 });

    await clock.advance(10_000);

    expect(times()).toEqual([0, 0, 250, 500, 750, 1000]);
  });

  test('backfill goes on with what events leave, and stops while they need all', async () => {
    const rate = { perSecond: 10, burst: 8 };
    for (let count = 0; count < 20; count += 1) ask('backfill', rate, { backfill: true });
    await clock.advance(0);
    for (let count = 0; count < 12; count += 1) ask('event', rate);

    await clock.advance(10_000);

    const line = served.map(({ who }) => who);
    expect(line.slice(0, 6)).toEqual(Array(6).fill('backfill'));
    expect(line.slice(6, 18)).toEqual(Array(12).fill('event'));
    expect(times().slice(6, 9)).toEqual([0, 0, 100]);
    expect(times().at(18)).toBe(1000 + 300);
    expect(served).toHaveLength(32);
  });

  test('an event does not wait until backfill would have been served', async () => {
    const rate = { perSecond: 1, burst: 4 };
    for (let count = 0; count < 4; count += 1) ask('event', rate);
    ask('backfill', rate, { backfill: true });
    await clock.advance(500);

    ask('late event', rate);
    await clock.advance(10_000);

    expect(served.slice(4)).toEqual([
      { who: 'late event', at: 1000 },
      { who: 'backfill', at: 3000 },
    ]);
  });

  test('whoever gives up leaves its place to the next, and the last one leaves nothing behind', async () => {
    const rate = { perSecond: 1, burst: 1 };
    const [first, second] = [new AbortController(), new AbortController()];
    ask('now', rate);
    ask('impatient', rate, { signal: first.signal });
    ask('patient', rate);
    ask('last', rate, { signal: second.signal });

    await clock.advance(500);
    first.abort();
    await clock.advance(500);
    second.abort();
    await clock.advance(0);

    expect(served).toEqual([
      { who: 'now', at: 0 },
      { who: 'patient', at: 1000 },
    ]);
    expect(clock.waiting).toBe(0);
  });

  test('nothing is left on the signal of those that were served: it may live for long', async () => {
    const { signal } = new AbortController();
    for (let count = 0; count < 10; count += 1) ask('event', { perSecond: 10, burst: 1 }, { signal });

    await clock.advance(10_000);

    expect(served).toHaveLength(10);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('who waits when the store says to slow down waits as long as it said', async () => {
    const rate = { perSecond: 10, burst: 1 };
    ask('now', rate);
    ask('waiting', rate);

    await clock.advance(50);
    await budgets.slowDown('a', { rate, retryAfterMs: 2000 });
    await clock.advance(5000);

    expect(times()[1]).toBeGreaterThan(2050);
    expect(times()[1]).toBeLessThanOrEqual(2250);
  });

  test('whatever the order in which they come, all are served, events and backfill each in their order', async () => {
    const arrivals = fc.array(fc.record({ backfill: fc.boolean(), later: fc.nat(400) }), { maxLength: 40 });
    const rates = fc.record({ perSecond: fc.constantFrom(1, 7, 100), burst: fc.constantFrom(1, 2, 5) });
    await fc.assert(
      fc.asyncProperty(rates, arrivals, async (rate, all) => {
        clock = new VirtualClock();
        budgets = new MemoryBudgets(clock);
        served = [];

        for (const [index, { backfill, later }] of all.entries()) {
          await clock.advance(later);
          ask(`${backfill ? 'backfill' : 'event'} ${100 + index}`, rate, { backfill });
        }
        await clock.advance(60_000);

        const order = served.map(({ who }) => who);
        const [events, backfills] = ['event', 'backfill'].map((kind) => order.filter((who) => who.startsWith(kind)));
        expect(order).toHaveLength(all.length);
        expect([events, backfills]).toEqual([[...(events ?? [])].sort(), [...(backfills ?? [])].sort()]);
        for (const [index, { at }] of served.entries()) {
          const until = served.slice(index).filter((later) => later.at <= at + 1000).length;
          expect(until).toBeLessThanOrEqual(rate.burst + rate.perSecond);
        }
        expect(clock.waiting).toBe(0);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});
