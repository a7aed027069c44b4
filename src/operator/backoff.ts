import type { JobOutcome, JobRun } from '../state/contract.ts';

/** Milliseconds before the first retry, and the longest wait between two. */
const firstMs = 1_000;
const longestMs = 5 * 60_000;
/** Attempts before a job is given up until an event or a full reconcile starts afresh: about 20 minutes. */
const attemptsAllowed = 12;

/** Milliseconds to wait before attempt `attempt + 1`: doubling, capped, ±20 % so that failures do not march in step. */
export function backoff(attempt: number, random: () => number): number {
  const delay = Math.min(longestMs, firstMs * 2 ** (attempt - 1));
  return Math.round(delay * (0.8 + 0.4 * random()));
}

/** How a job goes on after a failure that time may cure. */
export function retryOutcome(options: {
  readonly attempt: number;
  readonly afterMs: number | null;
  readonly countsAsAttempt: boolean;
  readonly reason: string;
  readonly random: () => number;
}): JobOutcome {
  const { attempt, afterMs, countsAsAttempt, reason, random } = options;
  if (countsAsAttempt && attempt >= attemptsAllowed) return { outcome: 'dead', reason };
  return { outcome: 'retry', delayMs: afterMs ?? backoff(attempt, random), reason, countsAsAttempt };
}

/** Whether an earlier run ended without a word, or without being able to note what it did. */
export function isUnsure({ attempt, resumed }: JobRun): boolean {
  return resumed === true || attempt > 1;
}
