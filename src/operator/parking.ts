import type { NewJob } from '../state/contract.ts';
import type { CopyResult } from '../sync/ports.ts';
import { backoff } from './backoff.ts';

/** Jobs that try failed copies again, each alone: they neither repeat what succeeded nor delay other copies. */
export function parked(results: readonly CopyResult[], random: () => number): NewJob[] {
  return results.flatMap(({ sync, copy, source, retry, isLeftover }) =>
    retry && !isLeftover
      ? [{ job: { kind: 'copy', sync, copy, source }, delayMs: retry.afterMs ?? backoff(1, random) }]
      : [],
  );
}
