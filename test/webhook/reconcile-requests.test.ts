import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createNotices } from '../../src/webhook/notices.ts';
import { createQueue } from '../../src/webhook/queue.ts';
import { createReconcileRequests } from '../../src/webhook/reconcile-requests.ts';
import { fakeClock, fakeState, jobsOf, settle } from './fakes.ts';

const interval = 300_000;

function open(starting: readonly string[] = []) {
  const clock = fakeClock();
  const state = fakeState();
  const logged: string[] = [];
  const logger = createLogger({ level: 'info', destination: { write: (line: string) => logged.push(line) } });
  const notify = createNotices({ logger, clock });
  const queue = createQueue({ state, metrics: createMetrics({ withProcess: false }), clock, notify });
  const requests = createReconcileRequests({ queue, clock, notify, intervalMs: interval, starting });
  return { clock, state, logged, requests };
}

test('what is asked for before the start asks is one with it', async () => {
  const { clock, state, requests } = open(['main', 'other']);

  requests.ask('main', 'reconnect');
  await clock.advance(interval);
  const tooSoon = jobsOf(state.added);
  requests.ask('main', 'start');
  await clock.advance(2 * interval);

  expect(tooSoon).toEqual([]);
  expect(jobsOf(state.added)).toEqual(['mount main  ']);
  await requests.close();
});

test('a request under way when all is closed is waited for, and handed in again when it fails', async () => {
  const { clock, state, requests } = open();
  const { add } = state.inbox;
  let refuse = (): void => undefined;
  state.inbox.add = () => new Promise((_, reject) => (refuse = () => reject(new Error('refused'))));
  requests.ask('main', 'cut');
  await settle();

  const closing = requests.close();
  await settle();
  state.inbox.add = add;
  refuse();
  await closing;

  expect(jobsOf(state.added)).toEqual(['mount main  ']);
  expect(clock.waiting).toBe(0);
});

test('closing hands in what waits for each Vault once, and gives up within two seconds when the queue is silent', async () => {
  const { clock, state, logged, requests } = open();
  for (const vault of ['main', 'other']) requests.ask(vault, 'cut');
  await settle();
  for (const vault of ['main', 'other']) requests.ask(vault, 'shed');
  state.mode = 'silent';
  let closed = false;

  const closing = requests.close().then(() => {
    closed = true;
  });
  await clock.advance(2_000);
  await requests.close();
  await closing;

  expect(closed).toBe(true);
  expect(jobsOf(state.added)).toEqual(['mount main  ', 'mount other  ']);
  expect(state.calls).toBe(3);
  expect(logged.at(-1)).toContain('"vaults":["main","other"]');
});
