import { SyncError } from '../errors.ts';
import type { JobOutcome } from './contract.ts';

/** A consumer's `run` should not throw; when it does, its job runs again after a second. */
export const afterThrow: JobOutcome = {
  outcome: 'retry',
  delayMs: 1000,
  reason: 'the run failed unexpectedly (a defect of vault-secret-sync; the log has its stack)',
  countsAsAttempt: true,
};

/** Why a run's signal aborts when its consumer closes and the grace is over. */
export function closingForGood(): Error {
  return new SyncError({
    remedy: 'Retry',
    reason: 'ShuttingDown',
    message: 'this process shuts down; the job runs again elsewhere',
  });
}

/** What anything asked of a closed state is told. */
export function stateClosed(): SyncError {
  return new SyncError({ remedy: 'Retry', reason: 'StateClosed', message: 'the state of this process is closed' });
}
