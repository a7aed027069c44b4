import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.ts';
import type { NewJob } from '../../src/state/contract.ts';
import { createQueue, type Queue } from '../../src/webhook/queue.ts';
import { fakeClock, settle } from './fakes.ts';

/** A queue whose inbox answers when it is told to. */
function world() {
  const clock = fakeClock();
  const asked: { readonly jobs: number; readonly answer: PromiseWithResolvers<void> }[] = [];
  const inbox = {
    add(jobs: readonly NewJob[]): Promise<void> {
      const answer = Promise.withResolvers<void>();
      asked.push({ jobs: jobs.length, answer });
      return answer.promise;
    },
    pending: async () => 0,
  };
  const state = { inbox, ping: () => Promise.reject(new Error('away')) };
  const metrics = createMetrics({ withProcess: false });
  const queue: Queue = createQueue({ state, metrics, clock, notify: () => undefined });
  return { clock, queue, asked, partsAskedFor: () => asked.map(({ jobs }) => jobs) };
}

function jobs(count: number, name: string): NewJob[] {
  return Array.from({ length: count }, (_, at) => ({
    job: { kind: 'path', vault: 'main', namespace: '', mount: 'secret', name: `${name}-${at}` },
  }));
}

test('many jobs of two senders go in turns, a part at a time, so that neither waits for all of the other', async () => {
  const { queue, asked, partsAskedFor } = world();

  const both = Promise.all([queue.add(jobs(600, 'one')), queue.add(jobs(300, 'other'))]);
  const atOnce: number[][] = [];
  for (let answered = 0; answered < 5; answered += 1) {
    await settle();
    atOnce.push(partsAskedFor().slice(answered));
    asked[answered]?.answer.resolve();
  }
  await both;

  expect(atOnce).toEqual([[250], [250], [250], [50], [100]]);
  queue.close();
});

test('a sender in its turn has the whole time, however long it waited', async () => {
  const { clock, queue, asked } = world();

  const both = Promise.all([queue.add(jobs(200, 'one')), queue.add(jobs(200, 'other'))]);
  await clock.advance(800);
  asked[0]?.answer.resolve();
  await clock.advance(800);
  asked[1]?.answer.resolve();

  await expect(both).resolves.toEqual([undefined, undefined]);
  queue.close();
});

test('who waits for a turn while the queue fails is told at once', async () => {
  const { clock, queue, partsAskedFor } = world();

  const both = Promise.allSettled([queue.add(jobs(200, 'one')), queue.add(jobs(200, 'other'))]);
  await clock.advance(900);

  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(partsAskedFor()).toEqual([200]);
  queue.close();
});

test('after a failure the next sender is tried again', async () => {
  const { clock, queue, asked } = world();
  const failed = Promise.allSettled([queue.add(jobs(200, 'one'))]);
  await clock.advance(900);
  await failed;

  const next = queue.add(jobs(200, 'other'));
  await settle();
  asked[1]?.answer.resolve();

  await expect(next).resolves.toBeUndefined();
  queue.close();
});

test('few jobs do not wait for many', async () => {
  const { queue, asked, partsAskedFor } = world();

  const many = queue.add(jobs(250, 'many'));
  await settle();
  const few = queue.add(jobs(1, 'one'));
  const askedFor = partsAskedFor();
  for (const { answer } of asked) answer.resolve();
  await Promise.all([many, few]);

  expect(askedFor).toEqual([250, 1]);
  queue.close();
});
