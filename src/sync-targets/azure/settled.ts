import { setTimeout as pause } from 'node:timers/promises';
import { SyncError } from '../../errors.ts';

/** First and longest pause between two tries, in milliseconds. */
const pauses = { first: 100, longest: 1_000 };

/** What the vault answers while a deletion or a recovery of the name is under way. */
const busyCodes = ['ObjectIsBeingDeleted', 'ObjectIsBeingRecovered'];

/**
 * Tries again while the vault is busy deleting or recovering the name, within our patience (milliseconds). Azure can take
 * minutes, also after it said that it was done; nobody waits that long here: the failure is a `Retry`, and the copy is
 * taken up again later while others go on.
 */
export async function onceSettled<Result>(
  act: () => Promise<Result>,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<Result> {
  const deadline = performance.now() + patienceMs;
  for (let wait = pauses.first; ; wait = Math.min(2 * wait, pauses.longest)) {
    try {
      return await act();
    } catch (error) {
      if (!isBusy(error) || performance.now() + wait > deadline) throw error;
    }
    // An abort ends the pause at once, and the next try says so.
    await pause(wait, undefined, { signal }).catch(() => undefined);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof SyncError && busyCodes.includes(error.code ?? '');
}

/** What is to be done with a deleted secret must wait until its deletion is complete. */
export function stillDeleting(place: string): SyncError {
  const message = `Azure Key Vault: the deletion of ${place} is under way; it is purged when that is done`;
  return new SyncError({ remedy: 'Retry', reason: 'Busy', message, code: 'ObjectIsBeingDeleted' });
}
