import type { Consumer, Job, JobOutcome, JobRun, State, WebhookState } from '../../src/state/contract.ts';
import { jobKey } from '../../src/state/contract.ts';
import { eventually } from '../peers/processes.ts';

/** A state as a suite gets it: fresh, with the webhook's view of it. */
export interface StateUnderTest {
  readonly state: State;
  readonly webhook: WebhookState;
  close(): Promise<void>;
}

export function pathJob(name: string): Job {
  return { kind: 'path', vault: 'main', namespace: '', mount: 'secret', name };
}

export const done: JobOutcome = { outcome: 'done' };
export const dead: JobOutcome = { outcome: 'dead', reason: 'the name is refused' };

export function retryIn(delayMs: number, countsAsAttempt = true): JobOutcome {
  return { outcome: 'retry', delayMs, reason: 'not yet', countsAsAttempt };
}

/** Longer than any test: what waits this long was not run by the clock. */
export const tenMinutes = 600_000;

/** A consumer whose runs are remembered and end as the test says. */
export class Runs {
  readonly all: JobRun[] = [];
  /** How many runs go on now, and the most that ever did; and how often one key ran twice at once. */
  running = 0;
  peak = 0;
  overlaps = 0;
  readonly consumer: Consumer;
  readonly #state: State;
  readonly #keys = new Set<string>();

  constructor(state: State, behave: (run: JobRun, nth: number) => JobOutcome | Promise<JobOutcome>, concurrency = 1) {
    this.#state = state;
    this.consumer = state.jobs.consume({ concurrency, run: (run) => this.#run(run, behave) });
  }

  of(name: string): JobRun[] {
    return this.all.filter(({ job }) => job.kind === 'path' && job.name === name);
  }

  /** Waits until a key has run this often. */
  async until(name: string, count: number): Promise<void> {
    await eventually(() => this.of(name).length >= count, { what: `run ${count} of ${name}`, every: 2 });
  }

  /** Waits until all that was in line before has run. */
  async untilQuiet(): Promise<void> {
    const fence = `fence ${this.all.length}`;
    await eventually(() => this.running === 0, { what: 'the runs to end', every: 2 });
    await this.#state.jobs.add([{ job: pathJob(fence) }]);
    await this.until(fence, 1);
    await eventually(() => this.running === 0, { what: 'the runs to end', every: 2 });
  }

  async #run(run: JobRun, behave: (run: JobRun, nth: number) => JobOutcome | Promise<JobOutcome>): Promise<JobOutcome> {
    this.all.push(run);
    if (run.job.kind === 'path' && run.job.name.startsWith('fence ')) return done;
    const key = jobKey(run.job);
    this.running += 1;
    this.peak = Math.max(this.peak, this.running);
    if (this.#keys.has(key)) this.overlaps += 1;
    this.#keys.add(key);
    try {
      return await behave(run, this.all.filter(({ job }) => jobKey(job) === key).length);
    } finally {
      this.#keys.delete(key);
      this.running -= 1;
    }
  }
}

/** A promise that the test settles. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
