import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Lease } from '../../../src/state/contract.ts';
import type { StateUnderTest } from '../runs.ts';

export function describeLeases(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  describe('leases', () => {
    test('one holder at a time; the next gets it when the first lets go', async () => {
      const first = await taken(['a']);
      const refused = await world.state.leases.acquire(['a'], { waitMs: 0 });

      const waiting = world.state.leases.acquire(['a'], { waitMs: 60_000 });
      await first.release();
      const second = await waiting;

      expect(refused).toBeNull();
      expect(second?.signal.aborted).toBe(false);
      await second?.release();
    });

    test('several keys are taken together or not at all', async () => {
      const holder = await taken(['b']);

      const refused = await world.state.leases.acquire(['a', 'b', 'c'], { waitMs: 30 });
      const others = await taken(['a', 'c']);
      await Promise.all([holder.release(), others.release()]);
      const all = await taken(['a', 'b', 'c', 'a']);

      expect(refused).toBeNull();
      await all.release();
    });

    test('waiting ends when the time is over, or at once when the caller gives up', async () => {
      const holder = await taken(['a']);
      const controller = new AbortController();
      const began = performance.now();

      const late = await world.state.leases.acquire(['a'], { waitMs: 100 });
      const waited = performance.now() - began;
      const givenUp = world.state.leases.acquire(['a'], { waitMs: 600_000, signal: controller.signal });
      controller.abort();

      expect(late).toBeNull();
      expect(waited).toBeGreaterThan(90);
      expect(await givenUp).toBeNull();
      expect(await world.state.leases.acquire(['b'], { waitMs: 0, signal: controller.signal })).toBeNull();
      await holder.release();
      await (await taken(['a'])).release();
    });

    test('letting go twice, or after another has taken over, harms nobody', async () => {
      const first = await taken(['a']);
      await first.release();
      const second = await taken(['a']);

      await first.release();

      expect(await world.state.leases.acquire(['a'], { waitMs: 0 })).toBeNull();
      expect(second.signal.aborted).toBe(false);
      await second.release();
    });

    test('never two holders of one key, however many ask for several at once', async () => {
      const held = new Set<string>();
      let overlaps = 0;
      let turns = 0;

      const takeTurns = async (keys: string[]) => {
        for (let turn = 0; turn < 10; turn += 1) {
          const lease = await taken(keys);
          overlaps += keys.filter((key) => held.has(key)).length;
          for (const key of keys) held.add(key);
          await new Promise((resolve) => setImmediate(resolve));
          for (const key of keys) held.delete(key);
          turns += 1;
          await lease.release();
        }
      };
      await Promise.all([['a'], ['b'], ['a', 'b'], ['b', 'c'], ['c', 'a'], ['a', 'b', 'c']].map(takeTurns));

      expect(overlaps).toBe(0);
      expect(turns).toBe(60);
    });

    test('who still holds one when the state closes is told', async () => {
      const lease = await taken(['a']);

      await world.state.close();

      expect(lease.signal.aborted).toBe(true);
    });
  });

  async function taken(keys: string[]): Promise<Lease> {
    const lease = await world.state.leases.acquire(keys, { waitMs: 60_000 });
    if (lease === null) throw new Error(`no lease of ${keys.join(', ')}`);
    return lease;
  }
}
