import type { AbsentSecret } from '../vault/contract.ts';
import { parseSourceKey } from './marks.ts';
import { type Candidate, done, ownRecord, recordOf, resultOf } from './outcome.ts';
import { type CopyRecord, type CopyResult, nothingWritten, type World } from './ports.ts';
import { refusedId } from './refused.ts';

/** Name under which a sync's mount uuid is remembered. */
export const mountUuidFact = 'mountUuid';

/**
 * Whether Vault's "there is none" proves that the source is gone. Metadata of a deleted or destroyed version is a proof;
 * a bare not-found is one only from the very mount that the copy was read from, for a mount made anew answers the same.
 */
export async function isProvenAbsent(
  world: World,
  { read, own, sync }: { read: AbsentSecret; own: CopyRecord | null; sync: string },
): Promise<boolean> {
  if (read.because !== 'notFound') return true;
  if (read.mountUuid === null) return false;
  const remembered = own?.mountUuid ?? (await world.ledger.recall(sync, mountUuidFact));
  return remembered === read.mountUuid;
}

/** A secret that is gone, and no copy of it is known: what bears the copy's name was made from another secret. */
export function leaveToOther(world: World, candidate: Candidate): CopyResult {
  const result = resultOf(candidate, done('absent', 'absent'));
  world.onCopy(result);
  return result;
}

/**
 * Leaves a copy alone whose source is missing without proof, and says so. Where there is no copy of ours either, there is
 * nothing to complain of: the secret has not been written yet.
 */
export async function leaveUnproven(
  candidate: Candidate,
  options: {
    readonly world: World;
    readonly read: AbsentSecret;
    readonly record: CopyRecord | null;
    readonly signal: AbortSignal;
  },
): Promise<CopyResult> {
  const { world, read, record, signal } = options;
  const { resolved, wanted } = candidate;
  const own = ownRecord(record, candidate);
  if (record?.sync !== resolved.key && !(await hasOurCopy(candidate, signal))) return leaveToOther(world, candidate);
  const { place } = parseSourceKey(wanted.source);
  const message =
    `Vault has no secret ${place.mount}/${place.name}, but does not prove that there was one and it was deleted ` +
    '(never written, or the mount is another one now); a copy, if there is one, is left as it is';
  const outcome = { ...done('failed', 'failed'), reason: 'SourceNotFound', message };
  const result = resultOf(candidate, outcome);
  world.onCopy(result);
  const id = record && !own ? refusedId(resolved, wanted) : wanted.id;
  const kept = recordOf(candidate, { outcome, state: 'failed', read, mountUuid: null, own, at: world.now() });
  // Nothing in the manifest is wrong: the secret may be written any time.
  await world.ledger.record(id, { ...kept, stalled: false });
  return result;
}

/** Whether the store holds a copy of ours; when it does not tell, we had better think so. */
async function hasOurCopy({ resolved, wanted }: Candidate, signal: AbortSignal): Promise<boolean> {
  try {
    const observed = await wanted.target.describe(wanted.name, AbortSignal.any([signal, AbortSignal.timeout(5_000)]));
    return observed?.owner === resolved.owner && observed.existence === 'live';
  } catch {
    return true;
  }
}

/** Remembers since when Vault's answers have been older than what was heard or followed. */
export async function noteStale(world: World, candidate: Candidate, own: CopyRecord | null): Promise<void> {
  if (own && own.staleSince !== null) return;
  const { resolved, wanted } = candidate;
  await world.ledger.record(wanted.id, {
    ...(own ?? unreadYet),
    sync: resolved.key,
    destination: wanted.target.scope,
    source: wanted.source,
    name: wanted.name,
    generation: resolved.sync.generation,
    at: world.now(),
    staleSince: world.now(),
  });
}

const unreadYet = {
  ...nothingWritten,
  state: 'failed',
  reason: 'StaleRead',
  message: 'Vault answered with an older version than was heard of; it is read again',
  stalled: false,
} as const;
