import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.ts';
import type { InterestIndex } from '../../src/webhook/interest-index.ts';
import { type InterestWatch, watchInterest } from '../../src/webhook/interest-watch.ts';
import { fakeClock, fakeState, interestIn } from './fakes.ts';

const heard = { vault: 'main', namespace: '', mount: 'secret', path: 'secret/data/app-9999/db' };
const many = Array.from({ length: 10_000 }, (_, index) => ({ literal: `app-${index}/db` }));
let watch: InterestWatch | null = null;

afterEach(() => watch?.close());

test('while ten thousand syncs are taken in there is time for others, and the former index until the new one is whole', async () => {
  const state = fakeState(interestIn([{ literal: 'app' }]));
  const revisions: InterestIndex[] = [];
  watch = await watchInterest({
    reader: state.interest,
    metrics: createMetrics({ withProcess: false }),
    clock: fakeClock(),
    notify: () => undefined,
    onRevision: (index) => revisions.push(index),
  });
  const former = watch.current();

  state.publish(interestIn(many));
  const between: (InterestIndex | null)[] = [];
  while (revisions.length < 2) {
    between.push(watch.current());
    await nextTurn();
  }

  const whileBuilt = between.filter((index) => index === former);
  expect(whileBuilt.length).toBeGreaterThan(40);
  expect(watch.current()?.match(heard)).toHaveLength(1);
  expect(revisions[1]).toBe(watch.current());
});
