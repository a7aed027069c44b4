import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../peers/processes.ts';
import { aborted, dead, done, gate, pathJob, Runs, retryIn, type StateUnderTest, tenMinutes } from '../runs.ts';

export function describeOutcomes(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  describe('what was heard', () => {
    test('is there when the run begins: the highest version, the lowest, the latest time, in whatever order they came', async () => {
      const { inbox } = world.webhook;
      await inbox.add([{ job: pathJob('a'), heard: { version: 7, at: 1000 } }]);
      await inbox.add([{ job: pathJob('a'), heard: { version: null, at: 3000 } }]);
      await inbox.add([{ job: pathJob('a'), heard: { version: 5, at: 2000 } }]);
      await inbox.add([{ job: pathJob('b'), heard: { version: null, at: 4000 } }, { job: pathJob('c') }]);

      const runs = new Runs(world.state, () => done);
      await runs.untilQuiet();

      expect(runs.of('a').map(({ heard }) => heard)).toEqual([{ version: 7, at: 3000, versionAt: 1000, lowest: 5 }]);
      expect(runs.of('b').map(({ heard }) => heard)).toEqual([{ version: null, at: 4000 }]);
      expect(runs.of('c').map(({ heard }) => heard)).toEqual([null]);
    });

    test('can be asked for until the key is done', async () => {
      const { inbox } = world.webhook;
      await inbox.add([{ job: pathJob('a'), heard: { version: 1, at: 1000 } }, { job: pathJob('b') }]);
      const waits = await Promise.all(['a', 'b', 'c'].map((name) => world.state.jobs.isHeard(pathJob(name))));

      const runs = new Runs(world.state, () => done);
      await runs.untilQuiet();

      expect(waits).toEqual([true, false, false]);
      expect(await world.state.jobs.isHeard(pathJob('a'))).toBe(false);
    });

    test('stays through retries, rises during a run, and is forgotten when the key is done', async () => {
      const first = gate();
      const runs = new Runs(world.state, async (_, nth) => {
        if (nth === 2) await first.opened;
        return nth === 1 ? retryIn(1) : done;
      });
      const job = pathJob('a');

      await world.webhook.inbox.add([{ job, heard: { version: 1, at: 1000 } }]);
      await runs.until('a', 2);
      await world.webhook.inbox.add([{ job, heard: { version: 2, at: 2000 } }]);
      first.open();
      await runs.until('a', 3);
      await runs.untilQuiet();
      await world.state.jobs.add([{ job }]);
      await runs.until('a', 4);

      expect(runs.of('a').map(({ heard }) => heard?.version ?? null)).toEqual([1, 1, 2, null]);
    });
  });

  describe('dead letters', () => {
    test('are listed, newest first, with job, reason, time and attempts', async () => {
      const runs = new Runs(world.state, ({ job }, nth) =>
        job.kind === 'path' && job.name === 'a' && nth === 1 ? retryIn(1) : dead,
      );

      await world.state.jobs.add([{ job: pathJob('a') }]);
      await eventually(async () => (await world.state.jobs.deadLetters(10)).length === 1, { what: 'the first letter' });
      await world.state.jobs.add([{ job: pathJob('b') }]);
      await runs.until('b', 1);
      await runs.untilQuiet();

      const letters = await world.state.jobs.deadLetters(10);
      const [newest] = await world.state.jobs.deadLetters(1);
      expect(letters.map(({ job, reason, attempts }) => ({ job, reason, attempts }))).toEqual([
        { job: pathJob('b'), reason: 'the name is refused', attempts: 1 },
        { job: pathJob('a'), reason: 'the name is refused', attempts: 2 },
      ]);
      expect(Math.abs(Date.now() - (letters[0]?.at ?? 0))).toBeLessThan(60_000);
      expect(newest).toEqual(letters[0]);
      expect(await world.state.jobs.countDeadLetters()).toBe(2);
      expect(await world.state.jobs.pending()).toBe(0);
    });

    test('a new event for a dead key starts afresh, and the letter is gone', async () => {
      const runs = new Runs(world.state, (_, nth) => (nth === 1 ? dead : done));
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await eventually(async () => (await world.state.jobs.deadLetters(10)).length === 1, { what: 'the letter' });

      await world.webhook.inbox.add([{ job: pathJob('a') }]);
      await runs.until('a', 2);

      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 1]);
      await eventually(async () => (await world.state.jobs.deadLetters(10)).length === 0, { what: 'no letter' });
    });

    test('a letter is replayed as a new job, once', async () => {
      const runs = new Runs(world.state, (_, nth) => (nth === 1 ? dead : done));
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await eventually(async () => (await world.state.jobs.deadLetters(10)).length === 1, { what: 'the letter' });
      const [letter] = await world.state.jobs.deadLetters(1);

      const replayed = await world.state.jobs.replay(letter?.id ?? '');
      const again = await world.state.jobs.replay(letter?.id ?? '');
      await runs.until('a', 2);
      await runs.untilQuiet();

      expect([replayed, again]).toEqual([true, false]);
      expect(runs.of('a').map(({ attempt }) => attempt)).toEqual([1, 1]);
      expect(await world.state.jobs.deadLetters(10)).toEqual([]);
      expect(await world.state.jobs.countDeadLetters()).toBe(0);
      expect(await world.state.jobs.replay('nonsense')).toBe(false);
    });

    test('a replay while the key runs waits for that run to end', async () => {
      const second = gate();
      const runs = new Runs(
        world.state,
        async (_, nth) => {
          if (nth === 2) await second.opened;
          return nth === 1 ? dead : done;
        },
        5,
      );
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await eventually(async () => (await world.state.jobs.deadLetters(10)).length === 1, { what: 'the letter' });
      const [letter] = await world.state.jobs.deadLetters(1);

      await Promise.all([world.state.jobs.add([{ job: pathJob('a') }]), world.state.jobs.replay(letter?.id ?? '')]);
      await runs.until('a', 2);
      second.open();
      await runs.untilQuiet();

      expect(runs.overlaps).toBe(0);
    });
  });

  describe('closing a consumer', () => {
    test('waits for what runs, takes nothing more, and leaves the rest in line', async () => {
      const first = gate();
      const behave = async () => {
        await first.opened;
        return done;
      };
      const runs = new Runs(world.state, behave, 2);
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);

      const closing = runs.consumer.close(10_000);
      await world.state.jobs.add([{ job: pathJob('b') }]);
      first.open();
      await closing;

      expect(runs.all.map(({ job, signal }) => [job, signal.aborted])).toEqual([[pathJob('a'), false]]);
      const others = new Runs(world.state, () => done);
      await others.untilQuiet();
      expect(others.of('a')).toHaveLength(0);
      expect(others.of('b')).toHaveLength(1);
    });

    test('aborts what does not end within the grace, which runs again elsewhere as the same attempt', async () => {
      const runs = new Runs(world.state, async ({ signal }) => {
        await aborted(signal);
        return retryIn(tenMinutes);
      });
      await world.state.jobs.add([{ job: pathJob('a'), heard: { version: 3, at: 1 } }]);
      await runs.until('a', 1);

      await runs.consumer.close(20);
      const others = new Runs(world.state, () => done);
      await others.until('a', 1);
      await others.untilQuiet();

      expect(runs.of('a')).toHaveLength(1);
      expect(others.of('a').map(({ attempt, heard }) => ({ attempt, heard }))).toEqual([
        { attempt: 1, heard: { version: 3, at: 1 } },
      ]);
    });

    test('a run that ends well although it was aborted is not run again', async () => {
      const runs = new Runs(world.state, async ({ signal }) => {
        await aborted(signal);
        return done;
      });
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);

      await runs.consumer.close(20);
      const others = new Runs(world.state, () => done);
      await others.untilQuiet();

      expect(others.of('a')).toHaveLength(0);
    });

    test('does not wait for ever for a run that heeds no signal', async () => {
      const never = gate();
      const runs = new Runs(world.state, async () => {
        await never.opened;
        return done;
      });
      await world.state.jobs.add([{ job: pathJob('a') }]);
      await runs.until('a', 1);

      await runs.consumer.close(20);

      expect(runs.of('a').map(({ signal }) => signal.aborted)).toEqual([true]);
      never.open();
    });
  });

  test('a closed state refuses jobs and no longer answers', async () => {
    await world.state.ping();
    await world.webhook.ping();

    await world.state.close();

    await expect(world.state.jobs.add([{ job: pathJob('a') }])).rejects.toThrow();
    await expect(world.state.ping()).rejects.toThrow();
  });
}
