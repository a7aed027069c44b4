import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Job } from '../../../src/state/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { dead, done, gate, pathJob, Runs, retryIn, type StateUnderTest, tenMinutes } from '../runs.ts';

export function describeJobs(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  describe('coalescing', () => {
    test('a thousand adds of a key that waits are one run', async () => {
      for (let round = 0; round < 10; round += 1) {
        await world.webhook.inbox.add(Array.from({ length: 100 }, () => ({ job: pathJob('a') })));
      }
      const pending = await world.webhook.inbox.pending();

      const runs = new Runs(world.state, () => done);
      await runs.untilQuiet();

      expect(pending).toBe(1);
      expect(runs.of('a')).toHaveLength(1);
    });

    test.each([
      { name: 'is done', outcome: done, attempts: [1, 1] },
      { name: 'is to be retried in ten minutes', outcome: retryIn(tenMinutes), attempts: [1, 2] },
      { name: 'is to wait ten minutes', outcome: retryIn(tenMinutes, false), attempts: [1, 1] },
      { name: 'is dead', outcome: dead, attempts: [1, 1] },
    ])('events during a run cause exactly one more run, also when the first $name', async ({ outcome, attempts }) => {
      const first = gate();
      const runs = new Runs(world.state, async (_, nth) => {
        if (nth === 1) await first.opened;
        return nth === 1 ? outcome : done;
      });
      await world.webhook.inbox.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);

      for (let event = 0; event < 5; event += 1) await world.webhook.inbox.add([{ job: pathJob('a') }]);
      first.open();
      await runs.until('a', 2);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual(attempts);
      expect(await world.state.jobs.pending()).toBe(0);
    });

    test('the one more run after an attempt that was the last is a first attempt', async () => {
      const runs = new Runs(world.state, async ({ job }, nth) => {
        if (nth === 2) await world.state.jobs.add([{ job }]);
        return nth === 1 ? retryIn(1) : done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 3);

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
    });

    test('what is written differently is another key', async () => {
      const jobs: Job[] = [
        pathJob('a'),
        { kind: 'mount', vault: 'main', namespace: '', mount: 'secret' },
        { kind: 'sync', sync: 'team/a' },
        { kind: 'copy', sync: 'team/a', copy: 'c:1', source: 'secret/a' },
        { kind: 'copy', sync: 'team/a', copy: 'c', source: '1:secret/a' },
        pathJob('with:colons{and}\n"quotes" ünï 日本'),
        pathJob('long/'.repeat(2000)),
      ];
      await world.state.jobs.add(jobs.map((job) => ({ job })));

      const runs = new Runs(world.state, () => done);
      await runs.untilQuiet();

      expect(runs.all.slice(0, -1).map(({ job }) => job)).toEqual(jobs);
    });
  });

  describe('delays', () => {
    test('a delayed job does not run early', async () => {
      const runs = new Runs(world.state, () => done);
      const added = performance.now();
      await world.state.jobs.add([{ job: pathJob('a'), delayMs: 1000 }]);
      const pending = await world.state.jobs.pending();

      await runs.until('a', 1);

      expect(pending).toBe(1);
      // A timer of the queue may run a few milliseconds ahead of this process' clock.
      expect(performance.now() - added).toBeGreaterThan(990);
    });

    test('an event runs a delayed job at once, and only once', async () => {
      const runs = new Runs(world.state, () => done);
      await world.state.jobs.add([{ job: pathJob('a'), delayMs: tenMinutes }]);

      await world.webhook.inbox.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);
      await runs.untilQuiet();

      expect(runs.of('a')).toHaveLength(1);
      expect(await world.state.jobs.pending()).toBe(0);
    });

    test.each([
      [tenMinutes, 50],
      [50, tenMinutes],
    ])('of two delays, %d and %d ms, the shorter counts', async (first, second) => {
      await world.state.jobs.add([{ job: pathJob('a'), delayMs: first }]);
      await world.state.jobs.add([{ job: pathJob('a'), delayMs: second }]);

      const runs = new Runs(world.state, () => done);
      await runs.until('a', 1);

      expect(await world.state.jobs.pending()).toBe(0);
    });

    test('a delay does not hold up a job that waits for its turn', async () => {
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await world.state.jobs.add([{ job: pathJob('a'), delayMs: tenMinutes }]);

      const runs = new Runs(world.state, () => done);
      await runs.untilQuiet();

      expect(runs.of('a')).toHaveLength(1);
      expect(await world.state.jobs.pending()).toBe(0);
    });

    test('a job that is asked for later, while it runs, waits for its time', async () => {
      const runs = new Runs(world.state, async (run, nth) => {
        if (nth === 1) await world.state.jobs.add([{ job: run.job, delayMs: tenMinutes }]);
        return done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);
      await runs.untilQuiet();

      expect(runs.of('a')).toHaveLength(1);
      expect(await world.state.jobs.pending()).toBe(1);
    });

    test('of two times asked for during a run, the earlier counts', async () => {
      const runs = new Runs(world.state, async ({ job }, nth) => {
        for (const delayMs of nth === 1 ? [50, tenMinutes] : []) await world.state.jobs.add([{ job, delayMs }]);
        return done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);

      expect(runs.of('a')).toHaveLength(2);
    });

    test('a time asked for during a run is not held up by the longer back-off of that run', async () => {
      const runs = new Runs(world.state, async ({ job }, nth) => {
        if (nth === 1) await world.state.jobs.add([{ job, delayMs: 200 }]);
        return nth === 1 ? retryIn(tenMinutes) : done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 2]);
      expect(await world.state.jobs.pending()).toBe(0);
    });

    test('a back-off that ends before a time asked for during the run is not held up by it', async () => {
      const runs = new Runs(world.state, async ({ job }, nth) => {
        if (nth === 1) await world.state.jobs.add([{ job, delayMs: tenMinutes }]);
        return nth === 1 ? retryIn(20) : done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);
      await runs.untilQuiet();

      expect(runs.of('a')).toHaveLength(2);
      expect(await world.state.jobs.pending()).toBe(1);
    });

    test.each(['before', 'after'])(
      'an event during a run is not held up by a later time asked for %s it',
      async (order) => {
        const later = { job: pathJob('a'), delayMs: tenMinutes };
        const event = { job: pathJob('a') };
        const runs = new Runs(world.state, async (_, nth) => {
          for (const added of order === 'before' ? [later, event] : [event, later]) {
            if (nth === 1) await world.state.jobs.add([added]);
          }
          return done;
        });

        await world.state.jobs.add([event]);
        await runs.until('a', 2);
        await runs.untilQuiet();

        expect(runs.of('a')).toHaveLength(2);
      },
    );
  });

  describe('retries', () => {
    test('an event for a key in back-off runs it at once, as its next attempt', async () => {
      const runs = new Runs(world.state, (_, nth) => (nth === 1 ? retryIn(tenMinutes) : done));
      await world.webhook.inbox.add([{ job: pathJob('a') }]);
      await eventually(async () => runs.of('a').length === 1 && (await world.state.jobs.pending()) === 1, {
        what: 'the back-off',
      });

      await world.webhook.inbox.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    test('attempts are counted where the outcome says so, and anew after the key was done', async () => {
      const outcomes = [retryIn(1), retryIn(1, false), retryIn(0), done];
      const runs = new Runs(world.state, (_, nth) => outcomes[nth - 1] ?? done);

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 4);
      await runs.untilQuiet();
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 5);

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 2, 2, 3, 1]);
    });

    test('a run that throws is tried again', async () => {
      const runs = new Runs(world.state, (_, nth) => {
        if (nth === 1) throw new Error('a defect');
        return done;
      });

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 2]);
    });
  });

  test('five hundred jobs run side by side, each once, never more at a time than asked for', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `job ${index}`);
    await world.state.jobs.add(names.map((name) => ({ job: pathJob(name) })));

    // None ends before there are more than ten.
    const crowd = gate();
    let begun = 0;
    const behave = async () => {
      begun += 1;
      if (begun > 10) crowd.open();
      await crowd.opened;
      return done;
    };
    const runs = new Runs(world.state, behave, 20);
    await eventually(() => runs.all.length >= 500, { what: 'all to run' });
    await runs.untilQuiet();

    expect(new Set(names.map((name) => runs.of(name).length))).toEqual(new Set([1]));
    expect(runs.peak).toBeGreaterThan(10);
    expect(runs.peak).toBeLessThanOrEqual(20);
  });
}
