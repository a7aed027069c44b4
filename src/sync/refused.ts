import { type Destination, storeOf } from '../crd/vault-secret-sync.ts';
import { publicMessage, SyncError } from '../errors.ts';
import { parseSourceKey } from './marks.ts';
import { type CopyRecord, type CopyResult, nothingWritten, type World } from './ports.ts';
import { type ResolvedSync, selectName, type WantedCopy } from './resolve.ts';

/** Ledger id of a copy that could not even be named, or that is another's: it must not take that copy's own id. */
export function refusedId(resolved: ResolvedSync, wanted: { destination: Destination; source: string }): string {
  return `${refusedPrefix}${JSON.stringify([resolved.key, resolved.spec.dest.indexOf(wanted.destination), wanted.source])}`;
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
  readonly destination: Destination;
  readonly source: string;
  readonly error: unknown;
}): Promise<CopyResult> {
  const { world, resolved, destination, source, error } = options;
  const known = error instanceof SyncError ? error : null;
  const conflict = known?.remedy === 'Conflict';
  const store = storeOf(destination);
  const result: CopyResult = {
    sync: resolved.key,
    copy: refusedId(resolved, { destination, source }),
    store,
    destination: store,
    name: destination[store]?.name ?? parseSourceKey(source).place.name,
    source,
    change: conflict ? 'conflict' : 'failed',
    planned: conflict ? 'conflict' : 'failed',
    reason: known?.reason ?? 'InternalError',
    message: publicMessage(error),
    retry: known ? null : { afterMs: null, countsAsAttempt: true },
  };
  world.onCopy(result);
  await world.ledger.record(result.copy, {
    ...nothingWritten,
    sync: result.sync,
    destination: result.destination,
    source,
    name: result.name,
    state: conflict ? 'conflict' : 'failed',
    staleSince: null,
    generation: resolved.sync.generation,
    reason: result.reason,
    message: result.message,
    stalled: result.retry === null,
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
      `${wanted.target.scope}/${wanted.name} is what another destination of the same sync leads to already: ` +
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
  const { vault, place } = parseSourceKey(record.source);
  const stillSelected =
    vault === resolved.vault &&
    place.namespace === resolved.namespace &&
    place.mount === resolved.selector.mount &&
    selectName(resolved, place.name) !== null;
  // The manifest changed since: the copy now belongs to the secret that is selected.
  if (!stillSelected || record.generation !== resolved.sync.generation) return null;
  return new SyncError({
    remedy: 'Conflict',
    reason: 'NameCollision',
    message:
      `${wanted.target.scope}/${wanted.name} already is the copy of ${place.mount}/${place.name} by the same sync: ` +
      'two secrets must not meet in one copy. Give the destination a name with captures that tell them apart',
    owner: resolved.key,
  });
}
