import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SyncError } from '../../../src/errors.ts';
import type { Rate } from '../../../src/state/contract.ts';
import type { StateUnderTest } from '../runs.ts';

/** Slow enough that nothing comes back while a test runs. */
const hardlyAny = 0.001;

export function describeBudgets(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  let never: AbortSignal;
  beforeEach(async () => {
    world = await open();
    never = new AbortController().signal;
  });
  afterEach(() => world.close());

  const take = (bucket: string, rate: Rate, options: { backfill?: boolean; signal?: AbortSignal } = {}) =>
    world.state.budgets.take(bucket, { rate, backfill: options.backfill ?? false, signal: options.signal ?? never });

  /** Takes up to `most`, and says how many there were before one had to wait. */
  const takeAll = async (bucket: string, rate: Rate, options: { backfill: boolean; most: number }) => {
    const controller = new AbortController();
    let taken = 0;
    const takes = Array.from({ length: options.most }, () =>
      take(bucket, rate, { ...options, signal: controller.signal }).then(() => {
        taken += 1;
      }),
    );
    await takes[0];
    await untilAnswered();
    controller.abort();
    await Promise.allSettled(takes);
    return taken;
  };

  /** Until whoever need not wait has been served: Redis answers in the order in which it is asked. */
  const untilAnswered = async () => {
    for (let round = 0; round < 3; round += 1) await take('fence', { perSecond: 1000, burst: 1000 });
  };

  describe('budgets', () => {
    test('a new bucket gives its whole burst at once, and then as much as its rate says', async () => {
      const rate = { perSecond: 50, burst: 5 };
      const began = performance.now();

      for (let count = 0; count < 5 + 4; count += 1) await take('a', rate);

      // Four more than the burst, and what an uneven clock may round away.
      expect(performance.now() - began).toBeGreaterThan(4 * 20 - 5);
    });

    test('gives no more than the burst, and each bucket gives its own', async () => {
      const rate = { perSecond: hardlyAny, burst: 7 };

      const first = await takeAll('a', rate, { backfill: false, most: 20 });
      const second = await takeAll('b', rate, { backfill: false, most: 3 });

      expect([first, second]).toEqual([7, 3]);
    });

    test.each([
      { burst: 8, leaves: 2 },
      { burst: 5, leaves: 2 },
      { burst: 2, leaves: 1 },
      { burst: 1, leaves: 0 },
    ])('backfill leaves $leaves of a burst of $burst to events', async ({ burst, leaves }) => {
      const rate = { perSecond: hardlyAny, burst };

      const backfill = await takeAll('a', rate, { backfill: true, most: 20 });
      const events = leaves === 0 ? 0 : await takeAll('a', rate, { backfill: false, most: 20 });

      expect([backfill, events]).toEqual([burst - leaves, leaves]);
    });

    test('an event is served before fifty backfills that came earlier', async () => {
      // The first that backfill could have comes after two seconds.
      const rate = { perSecond: 1, burst: 2 };
      const order: string[] = [];
      const controller = new AbortController();
      await takeAll('a', rate, { backfill: false, most: 3 });

      const backfills = Array.from({ length: 50 }, () =>
        take('a', rate, { backfill: true, signal: controller.signal }).then(() => order.push('backfill')),
      );
      const event = take('a', rate).then(() => order.push('event'));
      await Promise.race([...backfills, event]);
      controller.abort();
      await Promise.allSettled(backfills);
      await event;

      expect(order).toEqual(['event']);
    });

    test('those that wait are served in order of arrival', async () => {
      const rate = { perSecond: 100, burst: 1 };
      const order: number[] = [];

      await Promise.all(
        Array.from({ length: 10 }, (_, index) => take('a', rate, { backfill: true }).then(() => order.push(index))),
      );

      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    test('who gives up is told its own reason, at once or while it waits, and nobody else', async () => {
      const rate = { perSecond: 20, burst: 1 };
      const controller = new AbortController();
      const reason = new Error('enough');
      await take('a', rate);

      const waiting = take('a', rate, { signal: controller.signal });
      const other = take('a', rate);
      controller.abort(reason);
      const late = take('a', rate, { signal: controller.signal });

      await expect(waiting).rejects.toBe(reason);
      await expect(late).rejects.toBe(reason);
      await expect(other).resolves.toBeUndefined();
    });

    test('after a store said to slow down nothing is given for as long as it said', async () => {
      const rate = { perSecond: 1000, burst: 10 };
      await take('a', rate);
      const began = performance.now();

      await world.state.budgets.slowDown('a', { rate, retryAfterMs: 150 });
      await Promise.all([take('a', rate), take('b', rate)]);

      expect(performance.now() - began).toBeGreaterThan(145);
    });

    test('after a store said to slow down the burst is gone', async () => {
      const rate = { perSecond: hardlyAny, burst: 10 };

      await world.state.budgets.slowDown('a', { rate, retryAfterMs: null });
      const controller = new AbortController();
      const waiting = take('a', rate, { signal: controller.signal });
      await untilAnswered();
      controller.abort();

      await expect(waiting).rejects.toBe(controller.signal.reason);
    });

    test('who waits when the state closes is told, and so is who comes later', async () => {
      const rate = { perSecond: hardlyAny, burst: 1 };
      await take('a', rate);
      const waiting = take('a', rate).catch((error: unknown) => error);
      await untilAnswered();

      await world.state.close();

      expect(await waiting).toBeInstanceOf(SyncError);
      await expect(take('a', rate)).rejects.toMatchObject({ remedy: 'Retry', reason: 'StateClosed' });
    });
  });
}
