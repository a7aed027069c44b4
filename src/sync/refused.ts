import { publicMessage, SyncError } from '../errors.ts';
import { describeSource, parseSourceKey } from './marks.ts';
import { type CopyRecord, type CopyResult, nothingWritten, type World } from './ports.ts';
import type { ResolvedDestination, ResolvedSync } from './resolve.ts';
import { unitOf, type WantedCopy } from './unit.ts';

/** Ledger id of a copy that could not even be named, or that is another's: it must not take that copy's own id. */
export function refusedId(
  resolved: ResolvedSync,
  wanted: { readonly into: ResolvedDestination; readonly source: string; readonly key: string | null },
): string {
  const { into, source, key } = wanted;
  const parts = [resolved.key, into.index, source, ...(key === null ? [] : [key])];
  return `${refusedPrefix}${JSON.stringify(parts)}`;
}

/** Whether a ledger id stands for a complaint only, and for nothing in a store. */
export function isRefusedId(copy: string): boolean {
  return copy.startsWith(refusedPrefix);
}

const refusedPrefix = 'refused:';

/** Records that a copy is not made, and why. An edit of the manifest or of the settings brings a full reconcile. */
export async function refuseCopy(options: {
  readonly world: World;
  readonly resolved: ResolvedSync;
  readonly into: ResolvedDestination;
  readonly source: string;
  readonly key?: string | null;
  readonly error: unknown;
}): Promise<CopyResult> {
  const { world, resolved, into, source, key = null, error } = options;
  const known = error instanceof SyncError ? error : null;
  const conflict = known?.remedy === 'Conflict';
  const isFinal = known !== null && (conflict || known.remedy === 'FixSpec');
  const { store, destination } = into;
  const result: CopyResult = {
    sync: resolved.key,
    copy: refusedId(resolved, { into, source, key }),
    store,
    destination: store,
    name: destination[store]?.name ?? parseSourceKey(source).places[0].name,
    source,
    change: conflict ? 'conflict' : 'failed',
    planned: conflict ? 'conflict' : 'failed',
    reason: known?.reason ?? 'InternalError',
    message: publicMessage(error),
    fingerprints: { wanted: null, found: null },
    retry: isFinal ? null : { afterMs: known?.retryAfterMs ?? null, countsAsAttempt: true },
  };
  world.onCopy(result);
  await world.ledger.record(result.copy, {
    ...nothingWritten,
    sync: result.sync,
    destination: result.destination,
    source,
    name: result.name,
    key,
    state: conflict ? 'conflict' : 'failed',
    staleSince: null,
    goneSince: null,
    syncCreatedAt: resolved.sync.createdAt,
    generation: resolved.sync.generation,
    reason: result.reason,
    message: result.message,
    stalled: result.retry === null,
    unwell: true,
    at: world.now(),
  });
  return result;
}

/** Two destinations of one sync that lead to one copy: they would overwrite each other for ever. */
export function sameCopyTwice(resolved: ResolvedSync, wanted: WantedCopy): SyncError {
  return new SyncError({
    remedy: 'Conflict',
    reason: 'NameCollision',
    message:
      `${wanted.target.scope}/${wanted.name} is what another destination or key of the same sync leads to already: ` +
      'give one of them another name, or take it out',
    owner: resolved.key,
  });
}

/** Two secrets of one sync that meet in one copy: the one that was there first keeps it. */
export function collisionWith(
  record: CopyRecord | null,
  { resolved, wanted }: { resolved: ResolvedSync; wanted: WantedCopy },
): SyncError | null {
  if (!record || record.sync !== resolved.key || record.source === wanted.source || record.state !== 'synced')
    return null;
  const { vault, places } = parseSourceKey(record.source);
  const stillSelected = vault === resolved.vault && unitOf(resolved, places[0])?.source === record.source;
  // The manifest changed since: the copy now belongs to the secret that is selected.
  if (!stillSelected || record.generation !== resolved.sync.generation) return null;
  return secretsMeet({ resolved, wanted }, record.source);
}

/** The error for a copy that another secret of the same sync has. */
export function secretsMeet(
  { resolved, wanted }: { resolved: ResolvedSync; wanted: WantedCopy },
  otherSource: string,
): SyncError {
  return new SyncError({
    remedy: 'Conflict',
    reason: 'NameCollision',
    message:
      `${wanted.target.scope}/${wanted.name} already is the copy of ${describeSource(otherSource)} by the same sync: ` +
      'two secrets must not meet in one copy. Give the destination a name with captures that tell them apart, or naming: Reversible',
    owner: resolved.key,
  });
}
