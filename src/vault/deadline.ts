import { SyncError } from '../errors.ts';

/** Why a wait of ours ended before its answer came. */
export const timeLimitReached: unique symbol = Symbol('time limit reached');

/** Runs `work` with a signal that aborts when the caller's does, or after `limitMs` with the reason `timeLimitReached`. */
export async function withTimeLimit<T>(
  limits: { readonly signal: AbortSignal; readonly limitMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const followCaller = () => controller.abort(limits.signal.reason);
  if (limits.signal.aborted) followCaller();
  limits.signal.addEventListener('abort', followCaller, { once: true });
  const timer = setTimeout(() => controller.abort(timeLimitReached), limits.limitMs);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', followCaller);
  }
}

/** Waits for work that others share: an abort ends this wait, not the work. @throws SyncError `Retry` when aborted */
export function untilAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(givenUp('waiting for Vault'));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** The caller did not want to wait any longer. That says nothing about Vault. */
export function givenUp(what: string): SyncError {
  return new SyncError({ remedy: 'Retry', reason: 'Aborted', message: `${what} was given up before an answer came` });
}
