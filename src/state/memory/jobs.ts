import type { Logger } from '../../logging.ts';
import {
  type Consumer,
  type DeadLetter,
  type Heard,
  type Job,
  type JobOutcome,
  type JobRun,
  type Jobs,
  jobKey,
  type NewJob,
} from '../contract.ts';
import { stateClosed } from '../failures.ts';
import { raiseHeard } from '../heard.ts';
import { MemoryConsumer } from './consumer.ts';
import { Line } from './line.ts';

/** The longest delay that setTimeout takes, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

export interface MemoryJobsOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** How many dead letters are kept; the oldest go first. */
  readonly deadLetters: number;
  /** How long a closing consumer waits, in milliseconds, for runs that it aborted. */
  readonly abortGraceMs: number;
}

/** One key's work. It is in exactly one of three places: in the line, behind a timer, or with a consumer. */
export interface Work {
  readonly key: string;
  readonly job: Job;
  place: 'waiting' | 'delayed' | 'active';
  /** Attempts that counted, since the key was last done or dead. */
  attempts: number;
  heard: Heard | null;
  /** Set while delayed: when it is due, on the clock of `performance.now()`. */
  dueAt: number;
  timer: NodeJS.Timeout | undefined;
  /** Asked for while active: when the one more run is due. Null = not asked for. */
  nextDueAt: number | null;
}

/** The queue within one process. Jobs do not outlive it: the full reconcile at the next start brings back what was lost. */
export class MemoryJobs implements Jobs {
  readonly #options: MemoryJobsOptions;
  readonly #work = new Map<string, Work>();
  readonly #line = new Line<Work>();
  readonly #letters = new Map<string, DeadLetter>();
  readonly #consumers = new Set<MemoryConsumer>();
  #delayed = 0;
  #handingOut: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(options: MemoryJobsOptions) {
    this.#options = options;
  }

  async add(jobs: readonly NewJob[]): Promise<void> {
    if (this.#closed) throw stateClosed();
    for (const added of jobs) this.#addOne(added);
    this.#handOutSoon();
  }

  async pending(): Promise<number> {
    return this.#line.length + this.#delayed;
  }

  consume(options: { concurrency: number; run: (run: JobRun) => Promise<JobOutcome> }): Consumer {
    if (this.#closed) throw stateClosed();
    const consumer = new MemoryConsumer({
      ...options,
      log: this.#options.log,
      abortGraceMs: this.#options.abortGraceMs,
      settle: (work, outcome) => this.#settle(work, outcome),
      closed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    this.#handOutSoon();
    return consumer;
  }

  async isHeard(job: Job): Promise<boolean> {
    return this.#work.get(jobKey(job))?.heard != null;
  }

  async deadLetters(limit: number): Promise<DeadLetter[]> {
    return [...this.#letters.values()].reverse().slice(0, limit);
  }

  async countDeadLetters(): Promise<number> {
    return this.#letters.size;
  }

  async replay(id: string): Promise<boolean> {
    const letter = this.#letters.get(id);
    if (letter === undefined) return false;
    await this.add([{ job: letter.job }]);
    this.#letters.delete(id);
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(0)));
    if (this.#handingOut !== undefined) clearImmediate(this.#handingOut);
    for (const work of this.#work.values()) clearTimeout(work.timer);
    this.#work.clear();
  }

  #addOne({ job, heard, delayMs = 0 }: NewJob): void {
    const key = jobKey(job);
    const dueAt = performance.now() + delayMs;
    const work = this.#work.get(key);
    if (work === undefined) {
      const fresh: Work = {
        key,
        job,
        place: 'waiting',
        attempts: 0,
        heard: heard ?? null,
        dueAt,
        timer: undefined,
        nextDueAt: null,
      };
      this.#work.set(key, fresh);
      this.#place(fresh, dueAt);
      return;
    }
    work.heard = raiseHeard(work.heard, heard);
    if (work.place === 'active') work.nextDueAt = Math.min(work.nextDueAt ?? dueAt, dueAt);
    if (work.place === 'delayed' && dueAt < work.dueAt) {
      this.#delayed -= 1;
      this.#place(work, dueAt);
    }
  }

  /** Puts work that is in no place into the line, or behind a timer until it is due. */
  #place(work: Work, dueAt: number): void {
    clearTimeout(work.timer);
    const left = dueAt - performance.now();
    if (left <= 0) {
      work.place = 'waiting';
      this.#line.join(work);
      this.#handOutSoon();
      return;
    }
    work.place = 'delayed';
    work.dueAt = dueAt;
    this.#delayed += 1;
    work.timer = setTimeout(
      () => {
        this.#delayed -= 1;
        this.#place(work, dueAt);
      },
      Math.min(Math.ceil(left), longestTimer),
    );
  }

  /** After the current turn of the event loop: many adds in a row are seen together, and I/O is never starved by runs. */
  #handOutSoon(): void {
    if (this.#closed) return;
    this.#handingOut ??= setImmediate(() => {
      this.#handingOut = undefined;
      for (const consumer of this.#consumers) {
        while (consumer.hasRoom && this.#line.length > 0) this.#handOut(consumer);
      }
    });
  }

  #handOut(consumer: MemoryConsumer): void {
    const work = this.#line.next();
    if (work === undefined) return;
    work.place = 'active';
    this.#letters.delete(work.key);
    consumer.start(work);
  }

  #settle(work: Work, outcome: JobOutcome | 'handed back'): void {
    if (this.#closed) return;
    if (outcome === 'handed back') this.#runAgain(work, performance.now());
    else if (outcome.outcome === 'retry') this.#retry(work, outcome);
    else this.#finish(work, outcome);
    this.#handOutSoon();
  }

  #retry(work: Work, outcome: JobOutcome & { outcome: 'retry' }): void {
    if (outcome.countsAsAttempt) work.attempts += 1;
    this.#runAgain(work, performance.now() + Math.max(outcome.delayMs, 1));
  }

  /** When it is due, or sooner where that was asked for meanwhile: then it is also the one more run. */
  #runAgain(work: Work, dueAt: number): void {
    const asked = work.nextDueAt ?? Number.POSITIVE_INFINITY;
    if (asked <= dueAt) work.nextDueAt = null;
    this.#place(work, Math.min(asked, dueAt));
  }

  #finish(work: Work, outcome: JobOutcome & { outcome: 'done' | 'dead' }): void {
    if (outcome.outcome === 'dead') this.#keepLetter(work, outcome.reason);
    work.attempts = 0;
    const asked = work.nextDueAt;
    work.nextDueAt = null;
    if (asked === null) this.#work.delete(work.key);
    else this.#place(work, asked);
  }

  #keepLetter(work: Work, reason: string): void {
    const { key, job } = work;
    this.#letters.set(key, { id: key, job, reason, at: this.#options.now(), attempts: work.attempts + 1 });
    if (this.#letters.size <= this.#options.deadLetters) return;
    const [oldest] = this.#letters.keys();
    if (oldest !== undefined) this.#letters.delete(oldest);
  }
}
