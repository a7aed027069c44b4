import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { publicMessage } from '../errors.ts';
import type { Observed } from '../sync-targets/contract.ts';
import type { AbsentSecret } from '../vault/contract.ts';
import { describeSource, mountIdOf, readRef } from './marks.ts';
import { type Candidate, done, ownRecord, recordOf, resultOf } from './outcome.ts';
import { type CopyRecord, type CopyResult, type Ledger, nothingWritten, type World } from './ports.ts';
import { refusedId } from './refused.ts';
import { callStore } from './store-call.ts';

/** Name under which the uuids of a sync's mounts are remembered. */
const mountsFact = 'mounts';

/** Uuids of the mounts that a sync was last read from, by mount. */
export async function recallMounts(ledger: Pick<Ledger, 'recall'>, sync: string): Promise<Record<string, string>> {
  const text = await ledger.recall(sync, mountsFact);
  return text ? (JSON.parse(text) as Record<string, string>) : {};
}

export async function rememberMounts(
  ledger: Pick<Ledger, 'remember'>,
  sync: string,
  mounts: Readonly<Record<string, string>>,
): Promise<void> {
  await ledger.remember(sync, mountsFact, JSON.stringify(mounts));
}

/** Takes the uuids from a sync's status where the ledger has lost them. */
export async function restoreMounts(ledger: Pick<Ledger, 'recall' | 'remember'>, sync: VaultSecretSync): Promise<void> {
  const mounts = sync.status?.sourceMounts ?? [];
  const key = syncKeyOf(sync);
  if (mounts.length === 0 || Object.keys(await recallMounts(ledger, key)).length > 0) return;
  await rememberMounts(ledger, key, Object.fromEntries(mounts.map(({ mount, uuid }) => [mount, uuid])));
}

/**
 * Whether Vault's "there is none" proves that the source is gone. Metadata of a deleted or destroyed version is a proof;
 * a bare not-found is one only from the very mount that the copy was read from, for a mount made anew answers the same.
 */
export async function isProvenAbsent(
  world: World,
  options: {
    readonly read: AbsentSecret;
    readonly mount: string;
    readonly own: Pick<CopyRecord, 'mountUuid'> | null;
    readonly sync: string;
  },
): Promise<boolean> {
  const { read, mount, own, sync } = options;
  if (read.because !== 'notFound') return true;
  if (read.mountUuid === null) return false;
  const remembered = own?.mountUuid ?? (await recallMounts(world.ledger, sync))[mount];
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
    /** What the store shows. */
    readonly observed: Observed | null | Unanswered;
  },
): Promise<CopyResult> {
  const { world, read, record, observed } = options;
  const { resolved, wanted } = candidate;
  const own = ownRecord(record, candidate);
  if (own?.state === 'deleted') return leaveToOther(world, candidate);
  // When the store does not tell, we had better think that it holds a copy of ours.
  const unanswered = observed instanceof Unanswered ? observed : null;
  const mayBeOurs = observed instanceof Unanswered || isOurs(candidate, observed);
  if (record?.sync !== resolved.key && !mayBeOurs) return leaveToOther(world, candidate);
  const message =
    `Vault has no secret ${describeSource(wanted.source)}, but does not prove that there was one and it was deleted ` +
    '(never written, or the mount is another one now); a copy, if there is one, is left as it is' +
    (unanswered ? `, and its store did not show it: ${publicMessage(unanswered.error)}` : '');
  // What the store does not tell now may be the proof.
  const retry = unanswered ? { afterMs: null, countsAsAttempt: true } : null;
  const outcome = { ...done('failed', 'failed'), reason: 'SourceNotFound', message, retry };
  const result = resultOf(candidate, outcome);
  world.onCopy(result);
  // What the deletion guard has stopped stays so.
  if (own?.state === 'guarded') return result;
  const id = record && !own ? refusedId(resolved, wanted) : wanted.id;
  const kept = recordOf(candidate, {
    outcome,
    state: 'failed',
    heard: null,
    read,
    parts: null,
    mountUuid: null,
    own,
    at: world.now(),
  });
  // Nothing in the manifest is wrong: the secret may be written any time.
  await world.ledger.record(id, { ...kept, stalled: false });
  return result;
}

/** A store did not tell what it holds. */
export class Unanswered {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What the store shows of a copy, or why it does not tell. */
export async function lookAtCopy(
  world: World,
  { wanted }: Candidate,
  signal: AbortSignal,
): Promise<Observed | null | Unanswered> {
  const { id, target, name } = wanted;
  const call = (limited: AbortSignal) => target.describe(name, limited);
  try {
    return await callStore({ world, target, kind: 'read', label: id, backfill: true, signal, call });
  } catch (error) {
    return new Unanswered(error);
  }
}

/**
 * Whether the mark of a copy proves what no record does any more: that its secret was read from the very mount that has none of that
 * name now. Pure.
 */
export function isProvenByMark(
  candidate: Candidate,
  read: AbsentSecret,
  observed: Observed | null | Unanswered,
): boolean {
  if (observed instanceof Unanswered || observed === null || read.because !== 'notFound') return false;
  const { resolved, unit } = candidate;
  // A pinned version that is not there may never have been.
  if (read.mountUuid === null || resolved.spec.source.version !== undefined) return false;
  const told = readRef(observed.ref ?? '');
  const [{ mount, name }] = unit.places;
  return told?.path === `${mount}/${name}` && told.mountId === mountIdOf(read.mountUuid);
}

function isOurs({ resolved }: Candidate, observed: Observed | null): boolean {
  return observed?.owner === resolved.owner && observed.existence === 'live';
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
    key: wanted.key,
    syncCreatedAt: resolved.sync.createdAt,
    generation: resolved.sync.generation,
    at: world.now(),
    staleSince: world.now(),
  });
}

/** Whether nothing is known of a copy but that Vault's answers about its source were too old. */
export function wasReadTooEarly({ reason, fingerprint }: CopyRecord): boolean {
  return reason === staleRead && fingerprint === null;
}

const staleRead = 'StaleRead';

const unreadYet = {
  ...nothingWritten,
  state: 'failed',
  reason: staleRead,
  message: 'Vault answered with an older version than was heard of; it is read again',
  stalled: false,
  unwell: true,
  goneSince: null,
} as const;
