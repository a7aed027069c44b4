import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JobOutcome } from '../../../src/state/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { dead, done, pathJob, Runs, retryIn, type StateUnderTest } from '../runs.ts';

const names = ['a', 'b', 'c', 'd'];

/** Adds and what becomes of the runs, drawn at random but the same each time. */
const [adds = [], outcomes = []] = fc.sample(
  fc.tuple(
    fc.array(fc.record({ name: fc.constantFrom(...names), delayMs: fc.constantFrom(0, 0, 0, 3), pause: fc.nat(2) }), {
      minLength: 300,
      maxLength: 300,
    }),
    fc.array(fc.constantFrom<JobOutcome>(done, done, dead, retryIn(2), retryIn(5, false), retryIn(600_000)), {
      minLength: 400,
      maxLength: 400,
    }),
  ),
  { numRuns: 1, seed: 20261121 },
)[0] ?? [[], []];

export function describeSoak(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  test('under random adds and outcomes no key runs twice at once, and a run begins after every event', async () => {
    const begunAt = new Map<string, number>();
    const addedAt = new Map<string, number>();
    let order = 0;
    const next = () => {
      order += 1;
      return order;
    };
    const runs = new Runs(
      world.state,
      async ({ job }, nth) => {
        if (job.kind === 'path') begunAt.set(job.name, next());
        for (let turn = 0; turn < nth % 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        return outcomes[runs.all.length] ?? done;
      },
      8,
    );

    for (const { name, delayMs, pause } of adds) {
      addedAt.set(name, next());
      await world.webhook.inbox.add([{ job: pathJob(name), delayMs }]);
      for (let turn = 0; turn < pause; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }

    await eventually(() => names.every((name) => (begunAt.get(name) ?? 0) > (addedAt.get(name) ?? 0)), {
      what: 'a run after the last event of each key',
    });
    expect(runs.overlaps).toBe(0);
    expect(runs.all.length).toBeLessThanOrEqual(adds.length * 2);
  });
}
