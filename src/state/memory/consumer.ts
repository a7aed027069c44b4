import type { Logger } from '../../logging.ts';
import type { Consumer, JobOutcome, JobRun } from '../contract.ts';
import { afterThrow, closingForGood } from '../failures.ts';
import { settledWithin } from '../settled.ts';
import type { Work } from './jobs.ts';

export interface MemoryConsumerOptions {
  readonly concurrency: number;
  readonly run: (run: JobRun) => Promise<JobOutcome>;
  readonly log: Logger;
  readonly abortGraceMs: number;
  readonly settle: (work: Work, outcome: JobOutcome | 'handed back') => void;
  readonly closed: () => void;
}

/** Runs up to `concurrency` jobs at a time. */
export class MemoryConsumer implements Consumer {
  readonly #options: MemoryConsumerOptions;
  readonly #running = new Map<Promise<void>, AbortController>();
  #closing: Promise<void> | undefined;

  constructor(options: MemoryConsumerOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    return this.#closing === undefined && this.#running.size < this.#options.concurrency;
  }

  start(work: Work): void {
    const controller = new AbortController();
    const running = this.#run(work, controller.signal).finally(() => this.#running.delete(running));
    this.#running.set(running, controller);
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#finish(graceMs);
    return this.#closing;
  }

  async #run(work: Work, signal: AbortSignal): Promise<void> {
    const outcome = await this.#outcomeOf({ job: work.job, attempt: work.attempts + 1, heard: work.heard, signal });
    const cutShort = signal.aborted && outcome.outcome !== 'done';
    this.#options.settle(work, cutShort ? 'handed back' : outcome);
  }

  async #outcomeOf(run: JobRun): Promise<JobOutcome> {
    try {
      return await this.#options.run(run);
    } catch (error) {
      this.#options.log.error({ err: error, job: run.job.kind }, 'a job failed unexpectedly');
      return afterThrow;
    }
  }

  async #finish(graceMs: number): Promise<void> {
    const { closed, abortGraceMs } = this.#options;
    if (!(await settledWithin(this.#running.keys(), graceMs))) {
      for (const controller of this.#running.values()) controller.abort(closingForGood());
      await settledWithin(this.#running.keys(), abortGraceMs);
    }
    closed();
  }
}
