import type { Observed } from '../sync-targets/contract.ts';
import type { SecretPlace, SecretRead } from '../vault/contract.ts';
import { isProvenAbsent, leaveToOther, leaveUnproven, noteStale } from './absence.ts';
import { reconcileCopy } from './copy.ts';
import { sourceKeyOf } from './marks.ts';
import { type Candidate, ownRecord } from './outcome.ts';
import { type HeardVersion, isStale, staleLimitMs } from './plan.ts';
import type { CopyRecord, CopyResult, World } from './ports.ts';
import { collisionWith, refuseCopy, refusedId, sameCopyTwice } from './refused.ts';
import { type ResolvedSync, selectName, wantedCopy } from './resolve.ts';

/** Milliseconds to wait for copies that another run is writing before the job is put back. */
const leaseWaitMs = 2_000;
/** Milliseconds until a reading that was too old is tried again. */
const staleRetryMs = 1_000;

export interface SecretWork {
  readonly world: World;
  /** Syncs of one Vault identity that may select the secret. */
  readonly syncs: readonly ResolvedSync[];
  readonly place: SecretPlace;
  readonly heard: HeardVersion | null;
  readonly signal: AbortSignal;
  /** Compare with the store even where the ledger says that all is well. */
  readonly verify: boolean;
  /** Only this copy, by id. */
  readonly only?: string;
  /** What a listing has just shown, by copy id. */
  readonly listed?: ReadonlyMap<string, Observed>;
}

export type SecretOutcome =
  | { readonly outcome: 'done'; readonly results: readonly CopyResult[] }
  /** Nothing was decided: come back. */
  | {
      readonly outcome: 'later';
      readonly results: readonly CopyResult[];
      readonly afterMs: number;
      readonly reason: string;
    }
  /** Vault gave no certain answer. */
  | { readonly outcome: 'unread'; readonly results: readonly CopyResult[]; readonly error: unknown };

/**
 * Brings every copy of one secret in sync:
 * find the copies wanted · take their leases · read Vault once · bring each copy in sync, side by side.
 */
export async function reconcileSecret(work: SecretWork): Promise<SecretOutcome> {
  const { copies, refused } = await wantedCopies(work);
  if (copies.length === 0) return { outcome: 'done', results: refused };
  const lease = await work.world.leases.acquire(
    copies.map(({ wanted }) => wanted.id),
    { waitMs: leaseWaitMs, signal: work.signal },
  );
  if (!lease) return { outcome: 'later', results: refused, afterMs: 500, reason: 'CopyBusy' };
  try {
    return await reconcileLeased({ ...work, signal: AbortSignal.any([work.signal, lease.signal]) }, copies, refused);
  } finally {
    await lease.release();
  }
}

async function wantedCopies(work: SecretWork): Promise<{ copies: Candidate[]; refused: CopyResult[] }> {
  const { world, place } = work;
  const copies: Candidate[] = [];
  const refused: CopyResult[] = [];
  // Where two syncs want one copy that is nobody's yet, the earlier one gets it.
  for (const resolved of [...work.syncs].sort(byAge)) {
    if (selectName(resolved, place.name) === null) continue;
    const source = sourceKeyOf(resolved.vault, place);
    const ids = new Set<string>();
    for (const destination of resolved.spec.dest) {
      const complaint = refusedId(resolved, { destination, source });
      const isAskedFor = (id: string) => work.only === undefined || work.only === id || work.only === complaint;
      try {
        const target = await world.target(destination);
        const wanted = wantedCopy({ resolved, place, destination, target, allows: world.allows });
        if (!wanted) continue;
        if (ids.has(wanted.id)) throw sameCopyTwice(resolved, wanted);
        ids.add(wanted.id);
        // The complaint was asked about, and does not hold any more.
        if (work.only === complaint) await world.ledger.forget(complaint);
        if (isAskedFor(wanted.id)) copies.push({ resolved, wanted });
      } catch (error) {
        if (isAskedFor(complaint)) refused.push(await refuseCopy({ world, resolved, destination, source, error }));
      }
    }
  }
  return { copies, refused };
}

function byAge({ sync: one, key }: ResolvedSync, { sync: other, key: otherKey }: ResolvedSync): number {
  return one.createdAt - other.createdAt || (key < otherKey ? -1 : 1);
}

async function reconcileLeased(
  work: SecretWork,
  copies: readonly Candidate[],
  refused: readonly CopyResult[],
): Promise<SecretOutcome> {
  const { world, place, signal } = work;
  const [first] = copies;
  if (!first) return { outcome: 'done', results: refused };
  const reader = world.reader(first.resolved.vault);
  const ids = copies.map(({ wanted }) => wanted.id);
  const records = await world.ledger.get(ids);
  let read: SecretRead;
  let mountUuid: string | null;
  try {
    read = await reader.read(place, signal);
    mountUuid = read.found ? (await reader.mount(place, { fresh: false, signal })).uuid : read.mountUuid;
  } catch (error) {
    return { outcome: 'unread', results: refused, error };
  }
  const rivals = Map.groupBy(copies.keys(), (index) => ids[index]);
  const working = [...rivals.values()].map(async (indexes) => {
    const outcomes: CandidateOutcome[] = [];
    for (const index of indexes) {
      const candidate = copies[index];
      if (!candidate) continue;
      // Whoever was before may have taken the copy.
      const [latest] = outcomes.length === 0 ? [records[index]] : await world.ledger.get([candidate.wanted.id]);
      const record = latest ?? null;
      outcomes.push(await reconcileCandidate({ ...work, mountUuid }, { candidate, read, record }));
    }
    return outcomes;
  });
  // Should the ledger fail one, the others are waited for all the same: the lease must outlive their writes.
  await Promise.allSettled(working);
  const settled = (await Promise.all(working)).flat();
  const results = [...refused, ...settled.filter((result) => typeof result === 'object')];
  return settled.includes('stale')
    ? { outcome: 'later', results, afterMs: staleRetryMs, reason: 'StaleRead' }
    : { outcome: 'done', results };
}

type CandidateOutcome = CopyResult | 'stale' | 'superseded';

async function reconcileCandidate(
  work: SecretWork & { readonly mountUuid: string | null },
  { candidate, read, record }: { candidate: Candidate; read: SecretRead; record: CopyRecord | null },
): Promise<CandidateOutcome> {
  const { world, signal } = work;
  const { resolved, wanted } = candidate;
  if (record?.sync === resolved.key && record.generation > resolved.sync.generation) return 'superseded';
  const own = ownRecord(record, candidate);
  const anothers = record !== null && own === null;
  const now = world.now();
  // Beside another's record there is no place to note since when we doubt: there, doubt lasts a minute from the hearing.
  const heard = anothers && work.heard && now - work.heard.versionAt >= staleLimitMs ? null : work.heard;
  if (isStale({ read, heard, record: own, now })) {
    if (!anothers) await noteStale(world, candidate, own);
    return 'stale';
  }
  if (!read.found) {
    if (!(await isProvenAbsent(world, { read, own, sync: resolved.key }))) {
      return leaveUnproven(candidate, { world, read, record, signal });
    }
    if (anothers && record.sync === resolved.key) {
      await world.ledger.forget(refusedId(resolved, wanted));
      return leaveToOther(world, candidate);
    }
  }
  const collision = collisionWith(record, candidate);
  if (collision)
    return refuseCopy({ world, resolved, destination: wanted.destination, source: wanted.source, error: collision });
  return reconcileCopy(
    {
      world,
      resolved,
      wanted,
      record,
      signal,
      verify: work.verify,
      mountUuid: work.mountUuid,
      listed: work.listed?.get(wanted.id) ?? null,
    },
    read,
  );
}
