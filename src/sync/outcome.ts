import { publicMessage, type Remedy, SyncError } from '../errors.ts';
import type { Written } from '../sync-targets/contract.ts';
import type { SecretRead } from '../vault/contract.ts';
import { type CopyChange, type CopyRecord, type CopyResult, type CopyState, nothingWritten } from './ports.ts';
import type { Rendered } from './render.ts';
import type { ResolvedSync, WantedCopy } from './resolve.ts';

/** How the work on one copy ended. */
export interface Outcome {
  readonly change: CopyChange;
  readonly planned: CopyChange;
  /** `absent`: there is neither source nor copy, so nothing to remember. */
  readonly state: CopyState | 'absent';
  readonly reason: string;
  readonly message: string;
  readonly retry: CopyResult['retry'];
  /** Set when the copy now is, or was found to be, exactly this. */
  readonly rendered?: Rendered;
  readonly written?: Written;
}

export function done(change: CopyChange, state: Outcome['state'], more: Partial<Outcome> = {}): Outcome {
  return { change, planned: change, state, reason: '', message: '', retry: null, ...more };
}

/** The lease was lost or the process stops: what the store holds is looked at again, at once. */
export function interrupted(): Outcome {
  return done('failed', 'failed', {
    reason: 'Interrupted',
    message: 'the work was interrupted and is taken up again',
    retry: { afterMs: 0, countsAsAttempt: false },
  });
}

/** What a failure means for the copy: its state, and whether trying again makes sense. */
export function failureOf(error: unknown): Outcome {
  const reason = error instanceof SyncError ? error.reason : 'InternalError';
  const remedy = error instanceof SyncError ? error.remedy : 'Retry';
  const conflict = remedy === 'Conflict';
  return done(conflict ? 'conflict' : 'failed', conflict ? 'conflict' : 'failed', {
    reason,
    message: publicMessage(error),
    retry: retryOf(remedy, error instanceof SyncError ? error.retryAfterMs : undefined),
  });
}

function retryOf(remedy: Remedy, retryAfterMs: number | undefined): CopyResult['retry'] {
  switch (remedy) {
    case 'FixSpec':
    case 'Conflict':
      return null;
    case 'RateLimited':
      return { afterMs: retryAfterMs ?? null, countsAsAttempt: false };
    case 'SlowRetry':
      return { afterMs: retryAfterMs ?? 5 * 60_000, countsAsAttempt: true };
    case 'PendingDeletion':
    case 'Retry':
    case 'SourceUnavailable':
      return { afterMs: retryAfterMs ?? null, countsAsAttempt: true };
    default: {
      const never: never = remedy;
      return never;
    }
  }
}

/** A copy and the sync that wants it. */
export interface Candidate {
  readonly resolved: ResolvedSync;
  readonly wanted: WantedCopy;
}

export function resultOf({ resolved, wanted }: Candidate, outcome: Outcome): CopyResult {
  const { change, planned, reason, message, retry } = outcome;
  return {
    sync: resolved.key,
    copy: wanted.id,
    store: wanted.store,
    destination: wanted.target.scope,
    name: wanted.name,
    source: wanted.source,
    change,
    planned,
    reason,
    message,
    retry,
  };
}

/** The record, if it tells of this sync's copy of this very secret; null if it is another's, or of another secret. */
export function ownRecord(record: CopyRecord | null, { resolved, wanted }: Candidate): CopyRecord | null {
  return record?.sync === resolved.key && record.source === wanted.source ? record : null;
}

/** Our last write, unless a later one was cut short: then nobody knows which of the two the store holds. */
export function lastWrite(own: CopyRecord | null): Written | null {
  if (!own || own.state === 'failed' || own.versionId === null || own.writtenAt === null) return null;
  return { versionId: own.versionId, at: own.writtenAt };
}

/** What the ledger keeps of an outcome. `own` is what it kept before, see `ownRecord`. */
export function recordOf(
  { resolved, wanted }: Candidate,
  options: {
    readonly outcome: Outcome;
    readonly state: CopyState;
    readonly read: SecretRead;
    readonly mountUuid: string | null;
    readonly own: CopyRecord | null;
    /** Unix time in milliseconds. */
    readonly at: number;
  },
): CopyRecord {
  const { outcome, state, read, mountUuid, own, at } = options;
  const { rendered, reason, message } = outcome;
  // Whatever became of the write, no older reading may follow this one.
  const followed = read.version === null ? {} : { version: read.version, createdTime: read.createdTime };
  const base = {
    sync: resolved.key,
    destination: wanted.target.scope,
    source: wanted.source,
    name: wanted.name,
    state,
    staleSince: null,
    generation: resolved.sync.generation,
    reason,
    message,
    stalled: state === 'conflict' || (state === 'failed' && outcome.retry === null),
    at,
  };
  // A failure: what the store holds is as the last record says, or unknown after a write cut short; the state tells.
  if (!rendered) return { ...(own ?? nothingWritten), ...base, ...followed };
  const { fingerprint, settingsFingerprint } = rendered;
  const written = outcome.written ?? (own?.fingerprint === fingerprint ? lastWrite(own) : null);
  return {
    ...nothingWritten,
    ...base,
    ...followed,
    fingerprint,
    settingsFingerprint,
    versionId: written?.versionId ?? null,
    writtenAt: written?.at ?? null,
    mountUuid,
  };
}
