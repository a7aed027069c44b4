import { type Heard, type Job, jobKey, type NewJob } from '../state/contract.ts';
import { raiseHeard } from '../state/heard.ts';

/** Jobs of one batch, each key once. */
export class JobBatch {
  readonly #jobs = new Map<string, NewJob>();

  get size(): number {
    return this.#jobs.size;
  }

  add(job: Job, heard?: Heard): void {
    const key = jobKey(job);
    const latest = raiseHeard(this.#jobs.get(key)?.heard ?? null, heard);
    this.#jobs.set(key, latest ? { job, heard: latest } : { job });
  }

  /** Takes the jobs out: the batch is empty afterwards. */
  take(): NewJob[] {
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    return jobs;
  }
}
