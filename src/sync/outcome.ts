import { publicMessage, type Remedy, SyncError } from '../errors.ts';
import type { Written } from '../sync-targets/contract.ts';
import type { AbsentSecret, SecretRead } from '../vault/contract.ts';
import type { HeardVersion } from './plan.ts';
import {
  type CopyChange,
  type CopyRecord,
  type CopyResult,
  type CopyState,
  type Followed,
  isUnwell,
  nothingWritten,
} from './ports.ts';
import type { Rendered } from './render.ts';
import type { ResolvedSync } from './resolve.ts';
import type { Unit, WantedCopy } from './unit.ts';

/** How the work on one copy ended. */
export interface Outcome {
  readonly change: CopyChange;
  readonly planned: CopyChange;
  /** `absent`: there is neither source nor copy, so nothing to remember. */
  readonly state: CopyState | 'absent';
  readonly reason: string;
  readonly message: string;
  readonly retry: CopyResult['retry'];
  /** Keyed fingerprint of what would have been written. */
  readonly wantedFingerprint?: string;
  /** Keyed fingerprint that the store's own mark tells; null = none seen. */
  readonly foundFingerprint?: string | null;
  /** Since when the source is known to be gone, if it is and the copy is still there. */
  readonly goneSince?: number;
  /** A deletion that is due, and that the caller admits together with others. */
  readonly deferred?: true;
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

/** A copy, what it is made of, and the sync that wants it. */
export interface Candidate {
  readonly resolved: ResolvedSync;
  readonly unit: Unit;
  readonly wanted: WantedCopy;
}

export function resultOf({ resolved, wanted }: Candidate, outcome: Outcome): CopyResult {
  const { change, planned, reason, message, retry, rendered, foundFingerprint } = outcome;
  const wantedFingerprint = outcome.wantedFingerprint ?? rendered?.valueFingerprint;
  return {
    sync: resolved.key,
    copy: wanted.id,
    store: wanted.into.store,
    destination: wanted.target.scope,
    name: wanted.name,
    source: wanted.source,
    change,
    planned,
    reason,
    message,
    fingerprints: { wanted: shortened(wantedFingerprint), found: shortened(foundFingerprint) },
    retry,
  };
}

/** Enough to see whether two are the same, and nothing that could be searched for. */
function shortened(fingerprint: string | null | undefined): string | null {
  return fingerprint?.slice(0, 8) ?? null;
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

/** A version that was heard of and is not what Vault says, though it was asked for long enough. */
function unseenIn(read: SecretRead, heard: HeardVersion | null): Pick<CopyRecord, 'unseen'> {
  if (heard === null || heard.version === null || heard.version <= (read.version ?? 0)) return {};
  return { unseen: { version: heard.version, versionAt: heard.versionAt } };
}

/** What the ledger keeps of an outcome. `own` is what it kept before, see `ownRecord`. */
export function recordOf(
  { resolved, wanted }: Candidate,
  options: {
    readonly outcome: Outcome;
    readonly state: CopyState;
    readonly heard: HeardVersion | null;
    readonly read: SecretRead;
    /** Of merged secrets: what was read of each. */
    readonly parts: readonly Followed[] | null;
    readonly mountUuid: string | null;
    readonly own: CopyRecord | null;
    /** Unix time in milliseconds. */
    readonly at: number;
  },
): CopyRecord {
  const { outcome, state, heard, read, parts, mountUuid, own, at } = options;
  const { rendered, reason, message } = outcome;
  // A deletion that failed does not start its grace period again.
  const goneSince = outcome.goneSince ?? (state === 'failed' && !read.found ? (own?.goneSince ?? null) : null);
  // Whatever became of the write, no older reading may follow this one.
  const followed = {
    ...(read.version === null ? {} : { version: read.version, createdTime: read.createdTime }),
    ...(parts ? { parts: parts.map((part, index) => withVersion(part, own?.parts?.[index])) } : {}),
  };
  const base = {
    sync: resolved.key,
    destination: wanted.target.scope,
    source: wanted.source,
    name: wanted.name,
    key: wanted.key,
    state,
    staleSince: null,
    ...unseenIn(read, parts === null ? heard : null),
    goneSince,
    syncCreatedAt: resolved.sync.createdAt,
    generation: resolved.sync.generation,
    reason,
    message,
    unwell: isUnwell(state),
    stalled: state === 'conflict' || state === 'guarded' || (state === 'failed' && outcome.retry === null),
    at,
  };
  // Of what was deleted only its version is remembered: no older reading may bring it back.
  if (state === 'deleted') {
    return { ...nothingWritten, ...versionOf(own), ...base, ...followed, ...(read.found ? {} : endOf(read)) };
  }
  // A failure: what the store holds is as the last record says, or unknown after a write cut short; the state tells.
  if (!rendered) return { ...(own ?? nothingWritten), ...base, ...followed };
  const { fingerprint, valueFingerprint, settingsFingerprint } = rendered;
  const written = outcome.written ?? (own?.valueFingerprint === valueFingerprint ? lastWrite(own) : null);
  return {
    ...nothingWritten,
    ...base,
    ...followed,
    fingerprint,
    valueFingerprint,
    settingsFingerprint,
    versionId: written?.versionId ?? null,
    writtenAt: written?.at ?? null,
    mountUuid,
  };
}

/** A secret of which nothing is left has no version to tell: the one that was followed before is kept. */
function withVersion(part: Followed, before: Followed | undefined): Followed {
  return part.version === null && before ? { ...part, version: before.version, createdTime: before.createdTime } : part;
}

function versionOf(own: CopyRecord | null): Partial<CopyRecord> {
  return own ? { version: own.version, createdTime: own.createdTime, ...(own.parts ? { parts: own.parts } : {}) } : {};
}

/** What is remembered of how a secret ended. */
export function endOf({ because }: AbsentSecret): Pick<Followed, 'goneForGood'> {
  return because === 'deleted' ? {} : { goneForGood: true };
}
