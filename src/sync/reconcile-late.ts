import { isDoubtful, reconcileCandidate } from './candidate.ts';
import { isOldReading, isSuperseded } from './doubt.ts';
import { recallCopies } from './known-copies.ts';
import { type LateUnit, lateCopies, type NamedCopies, settleCopies } from './late-copies.ts';
import { staleLimitMs } from './plan.ts';
import { refuseCopy, refusedId } from './refused.ts';
import type { ResolvedDestination } from './resolve.ts';
import { type Gathered, leaseWaitMs, type SecretWork, type UnitWork } from './secret-work.ts';

/** Copies whose names follow from what Vault says: named now, leased, and brought in sync like the others. */
export async function reconcileLate(work: SecretWork, options: LateWork): Promise<void> {
  const { lateUnit, unit, gathered } = options;
  const { world, only } = work;
  const { resolved } = lateUnit.unit;
  if (isSuperseded(world, resolved)) return;
  if (await isNotThereYet(work, options)) {
    gathered.isStale = true;
    return;
  }
  // A complaint about a destination as a whole stands for all of its copies.
  const complaintsOf = (copy: { into: ResolvedDestination; source: string; key: string | null }) =>
    [copy, { ...copy, key: null }].map((one) => refusedId(resolved, one));
  const marked = work.marked?.get(lateUnit.unit.source) ?? [];
  const named = await lateCopies(world, { lateUnit, reading: unit.reading, content: unit.content, marked });
  for (const { into, source, key, error } of named.refused) {
    if (only !== undefined && !complaintsOf({ into, source, key }).includes(only)) continue;
    gathered.results.push(await refuseCopy({ world, resolved, into, source, key, error }));
  }
  if (named.hasLeftovers) gathered.resync.push(resolved.key);
  const asked = named.copies.filter(
    ({ candidate: { wanted } }) => only === undefined || only === wanted.id || complaintsOf(wanted).includes(only),
  );
  if (asked.length > 0) await reconcileNamed(work, { ...options, asked });
  if (only !== undefined || gathered.isStale) return;
  await settleCopies(world, { lateUnit, named, open: gathered.deferred });
}

/**
 * Whether a secret is not there although a version of it was heard of, and none of its copies is known: there is nothing
 * to doubt but the reading itself, for a minute from the hearing.
 */
async function isNotThereYet(work: SecretWork, { lateUnit, unit }: LateWork): Promise<boolean> {
  const { world, heard, place } = work;
  const { resolved, source } = lateUnit.unit;
  if (unit.reading.read.found || heard === null || world.now() - heard.versionAt >= staleLimitMs) return false;
  const { copies } = await recallCopies(world.ledger, resolved.key, source);
  const doubt = { unit: lateUnit.unit, reading: unit.reading, heard, place, record: null, own: null };
  return copies.length === 0 && isOldReading(world, doubt);
}

export interface LateWork {
  readonly lateUnit: LateUnit;
  readonly unit: UnitWork;
  readonly gathered: Gathered;
  /** Copies that this run holds the lease of, and when the work on them ends. */
  readonly held: { readonly ids: ReadonlySet<string>; readonly ended: Promise<unknown> };
}

async function reconcileNamed(work: SecretWork, options: LateWork & { asked: NamedCopies['copies'] }): Promise<void> {
  const { world, signal } = work;
  const { unit, gathered, held, asked } = options;
  const ids = asked.map(({ candidate }) => candidate.wanted.id);
  const free = ids.filter((id) => !held.ids.has(id));
  // Another sync of this very run has one of them: that one's turn comes first.
  if (free.length < ids.length) await held.ended;
  const lease = await world.leases.acquire(free, { waitMs: leaseWaitMs, signal });
  if (!lease) {
    gathered.isStale = true;
    return;
  }
  try {
    const records = await world.ledger.get(ids);
    const ready = asked.map(({ candidate, reading }, index) => {
      return { candidate, unit: { ...unit, reading }, record: records[index] ?? null };
    });
    // A reading that is too old for one of them is too old for the others, which may not know it.
    let isOld = false;
    for (const { candidate, unit: read, record } of ready) {
      if (await isDoubtful(work, { candidate, reading: read.reading, record })) isOld = true;
    }
    gathered.isStale ||= isOld;
    if (isOld) return;
    const leased = { ...work, signal: AbortSignal.any([signal, lease.signal]) };
    const working = ready.map((one) => reconcileCandidate(leased, one, gathered));
    await Promise.allSettled(working);
    await Promise.all(working);
  } finally {
    await lease.release();
  }
}
