import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { InterestEntry } from '../../../src/state/contract.ts';
import { eventually } from '../../peers/processes.ts';
import type { StateUnderTest } from '../runs.ts';

const entry: InterestEntry = {
  vault: 'main',
  namespace: '',
  mount: 'secret',
  literal: null,
  prefix: 'team/',
  pattern: 'team/[a-z]+',
};

export function describeInterest(open: () => Promise<StateUnderTest>): void {
  let world: StateUnderTest;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  describe('interest', () => {
    test('there is none until it is published', async () => {
      expect(await world.webhook.interest.read()).toBeNull();
    });

    test('the webhook reads what was published last, with a revision that grows', async () => {
      const kvVersions = { '["main","","secret"]': 2 } as const;
      const first = await world.state.interest.publish({ entries: [], kvVersions: {} });

      const second = await world.state.interest.publish({ entries: [entry], kvVersions });

      expect(second).toBeGreaterThan(first);
      expect(await world.webhook.interest.read()).toEqual({
        format: 1,
        revision: second,
        entries: [entry],
        kvVersions,
      });
    });

    test('every watcher hears of a publication until it stops watching', async () => {
      const heard = { one: 0, two: 0 };
      const stopOne = await world.webhook.interest.watch(() => {
        heard.one += 1;
      });
      const stopTwo = await world.webhook.interest.watch(() => {
        heard.two += 1;
      });
      // A watcher may be called once when it begins to listen; only then does a publication reach it for sure.
      await eventually(
        async () => {
          await world.state.interest.publish({ entries: [], kvVersions: {} });
          return heard.one > 1 && heard.two > 1;
        },
        { what: 'both watchers to hear' },
      );

      await stopOne();
      const { one, two } = heard;
      await world.state.interest.publish({ entries: [], kvVersions: {} });
      await eventually(() => heard.two > two, { what: 'the other watcher to hear' });

      expect(heard.one).toBe(one);
      await stopTwo();
    });
  });
}
