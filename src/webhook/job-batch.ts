import { type Heard, type Job, jobKey, type NewJob } from '../state/contract.ts';
import { raiseHeard } from '../state/heard.ts';

/** How much a batch takes: `keyCharacters` is the length of all keys, which is what jobs take memory for. */
export interface BatchBound {
  readonly jobs: number;
  readonly keyCharacters: number;
}

/** Jobs of one batch, each key once. */
export class JobBatch {
  readonly #jobs = new Map<string, NewJob>();
  readonly #bound: BatchBound | null;
  #keyCharacters = 0;
  #shed = 0;

  /** Without a bound, whoever adds sees to it that there are not too many. */
  constructor(bound: BatchBound | null = null) {
    this.#bound = bound;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** A job that is here already is never one too many. */
  add(job: Job, heard?: Heard): void {
    const key = jobKey(job);
    const known = this.#jobs.get(key);
    if (!known) {
      if (this.#isFullFor(key)) {
        this.#shed += 1;
        return;
      }
      this.#keyCharacters += key.length;
    }
    const latest = raiseHeard(known?.heard ?? null, heard);
    this.#jobs.set(key, latest ? { job, heard: latest } : { job });
  }

  /** Takes the jobs out: the batch is empty afterwards. */
  take(): NewJob[] {
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    this.#keyCharacters = 0;
    return jobs;
  }

  /** How many were one too many since this was last asked. */
  takeShed(): number {
    const shed = this.#shed;
    this.#shed = 0;
    return shed;
  }

  #isFullFor(key: string): boolean {
    if (this.#bound === null) return false;
    const { jobs, keyCharacters } = this.#bound;
    return this.#jobs.size >= jobs || this.#keyCharacters + key.length > keyCharacters;
  }
}
