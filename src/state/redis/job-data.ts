import type { Job } from '../contract.ts';

const fieldsOf: Record<Job['kind'], readonly string[]> = {
  path: ['vault', 'namespace', 'mount', 'name'],
  mount: ['vault', 'namespace', 'mount'],
  sync: ['sync'],
  copy: ['sync', 'copy', 'source'],
};

/** The job in what a queue holds; null when it is none. The webhook writes there, and its process is the exposed one. */
export function jobIn(data: unknown): Job | null {
  const job = isRecord(data) ? data['job'] : undefined;
  if (!isRecord(job) || typeof job['kind'] !== 'string' || !Object.hasOwn(fieldsOf, job['kind'])) return null;
  const fields = fieldsOf[job['kind'] as Job['kind']];
  return fields.every((field) => typeof job[field] === 'string') ? (job as unknown as Job) : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
