import { type Heard, type Job, jobKey, type NewJob } from '../state/contract.ts';

/** Jobs of one batch, each key once. */
export class JobBatch {
  readonly #jobs = new Map<string, NewJob>();

  get size(): number {
    return this.#jobs.size;
  }

  add(job: Job, heard?: Heard): void {
    const key = jobKey(job);
    const latest = latestOf(this.#jobs.get(key)?.heard, heard);
    this.#jobs.set(key, latest ? { job, heard: latest } : { job });
  }

  /** Takes the jobs out: the batch is empty afterwards. */
  take(): NewJob[] {
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    return jobs;
  }
}

/** The highest version and the latest time of both. */
function latestOf(one: Heard | undefined, other: Heard | undefined): Heard | undefined {
  if (!one || !other) return one ?? other;
  const version = one.version === null ? other.version : Math.max(one.version, other.version ?? one.version);
  return { version, at: Math.max(one.at, other.at) };
}
