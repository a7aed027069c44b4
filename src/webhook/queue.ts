import { SyncError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { NewJob, WebhookState } from '../state/contract.ts';
import { type Clock, withDeadline } from './clock.ts';
import type { Notify } from './notices.ts';

/** Senders wait for our answer, so a queue that is away must show within a second. */
const answerWithinMs = 900;
const probeEveryMs = 1_000;
/** Jobs for which the queue is given that long; as many from others may be under way. */
const jobsAtOnce = 250;
/** So few need not wait for others. */
const fewJobs = 50;

/** The way into the queue, and whether it is open. */
export interface Queue {
  /**
   * Resolves once the queue holds every job. Many jobs go in turns, a part of each sender's at a time: how long the queue
   * may take for them does not depend on how many others come.
   * @throws SyncError `Retry` within a second of its turn when the queue does not take them
   */
  add(jobs: readonly NewJob[]): Promise<void>;
  /**
   * How many jobs wait.
   * @throws SyncError `Retry` within a second when the queue does not say
   */
  pending(): Promise<number>;
  isAway(): boolean;
  /** Calls `run` each time the queue is back after it was away. */
  whenBack(run: () => void): void;
  close(): void;
}

export interface QueueOptions {
  readonly state: Pick<WebhookState, 'inbox' | 'ping'>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}

export function createQueue({ state, metrics, clock, notify }: QueueOptions): Queue {
  const listeners: (() => void)[] = [];
  let away = false;
  let closed = false;
  let failures = 0;
  let lastTurn = Promise.resolve();
  let cancelProbe = (): void => undefined;

  const setBack = (): void => {
    if (!away || closed) return;
    away = false;
    cancelProbe();
    notify({ level: 'info', kind: 'queue-back', message: 'the queue takes jobs again' });
    for (const run of listeners) run();
  };
  const probe = (): void => {
    cancelProbe = clock.after(probeEveryMs, () => {
      withDeadline({ work: state.ping(), ms: answerWithinMs, clock }).then(setBack, () => {
        if (away && !closed) probe();
      });
    });
  };
  const setAway = (error: unknown): void => {
    notify({
      level: 'error',
      kind: 'queue-away',
      fields: { err: error },
      message: 'the queue does not take jobs: senders are told to come back; check that Redis is up and reachable',
    });
    if (away || closed) return;
    away = true;
    probe();
  };
  const within = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const result = await withDeadline({ work, ms: answerWithinMs, clock });
      setBack();
      return result;
    } catch (error) {
      failures += 1;
      setAway(error);
      throw queueAway(error);
    }
  };
  /** One after the other. Who waits while one fails fails with it: it would not be answered sooner. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const failuresBefore = failures;
    const turn = lastTurn.then(() => {
      if (failures > failuresBefore) throw queueAway();
      return work();
    });
    lastTurn = turn.catch(() => undefined);
    return turn;
  };

  return {
    async add(jobs) {
      for (let from = 0; from < jobs.length; from += jobsAtOnce) {
        const part = jobs.slice(from, from + jobsAtOnce);
        const handIn = () => within(state.inbox.add(part));
        await (jobs.length <= fewJobs ? handIn() : inTurn(handIn));
        for (const { job } of part) metrics.jobsQueued.inc({ kind: job.kind });
      }
    },
    pending: () => within(state.inbox.pending()),
    isAway: () => away,
    whenBack(run) {
      listeners.push(run);
    },
    close() {
      closed = true;
      cancelProbe();
    },
  };
}

function queueAway(cause?: unknown): SyncError {
  const told = cause === undefined ? {} : { cause };
  return new SyncError({ remedy: 'Retry', reason: 'QueueAway', message: 'the queue took no jobs', ...told });
}
