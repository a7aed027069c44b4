import { SyncError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { NewJob, WebhookState } from '../state/contract.ts';
import { type Clock, withDeadline } from './clock.ts';
import type { Notify } from './notices.ts';

/** Senders wait for our answer, so a queue that is away must show within a second. */
const answerWithinMs = 900;
const probeEveryMs = 1_000;

/** The way into the queue, and whether it is open. */
export interface Queue {
  /**
   * Resolves once the queue holds every job.
   * @throws SyncError `Retry` within a second when it does not
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
      setAway(error);
      throw new SyncError({ remedy: 'Retry', reason: 'QueueAway', message: 'the queue took no jobs', cause: error });
    }
  };

  return {
    async add(jobs) {
      if (jobs.length === 0) return;
      await within(state.inbox.add(jobs));
      for (const { job } of jobs) metrics.jobsQueued.inc({ kind: job.kind });
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
