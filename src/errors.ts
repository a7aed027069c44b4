/**
 * Errors are named by their remedy, not by where they came from: what must happen before trying again makes sense.
 *
 * - `FixSpec`            an edit of the manifest (or of the settings' policies) is the only cure
 * - `Conflict`           somebody else owns the copy; the message names the owner
 * - `PendingDeletion`    the store still holds the name of a deleted secret
 * - `SlowRetry`          permission, quota, key: cured elsewhere, by somebody, in minutes
 * - `RateLimited`        the store said when to come back
 * - `Retry`              try again soon
 * - `SourceUnavailable`  Vault did not answer in a way that proves anything; never deletes
 *
 * Whatever is thrown and is not a `SyncError` is a bug: it is retried, and its message stays out of status and events,
 * because nobody knows what it holds.
 */
export type Remedy =
  | 'FixSpec'
  | 'Conflict'
  | 'PendingDeletion'
  | 'SlowRetry'
  | 'RateLimited'
  | 'Retry'
  | 'SourceUnavailable';

export interface SyncErrorOptions {
  readonly remedy: Remedy;
  /** Stable CamelCase word for conditions and metrics, e.g. `NameInvalid`. */
  readonly reason: string;
  /** What was tried, where, and what to do next. Never a secret value: this text reaches users. */
  readonly message: string;
  readonly cause?: unknown;
  /** Milliseconds until trying again makes sense, where the other side said so. */
  readonly retryAfterMs?: number;
  /** Whoever owns the copy, as far as its marks tell (`Conflict`). */
  readonly owner?: string;
  /** The store's own error code, e.g. `ResourceNotFoundException`. */
  readonly code?: string;
}

export class SyncError extends Error {
  readonly remedy: Remedy;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly owner: string | undefined;
  readonly code: string | undefined;

  constructor(options: SyncErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SyncError';
    this.remedy = options.remedy;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
    this.owner = options.owner;
    this.code = options.code;
  }
}

/** An edit of the manifest is the cure. */
export function fixSpec(reason: string, message: string, cause?: unknown): SyncError {
  return new SyncError({ remedy: 'FixSpec', reason, message, cause });
}

/** What may be shown of any error: our own text, or, for a bug, only that it was one. */
export function publicMessage(error: unknown): string {
  if (error instanceof SyncError) return error.message;
  const name = error instanceof Error ? error.name : typeof error;
  return `unexpected ${name} (a defect of vault-secret-sync; the log has its stack)`;
}

/** Bad input on the command line, in settings or in manifests: the program ends with exit code 2. */
export class InputError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'InputError';
  }
}
