import type { Target } from '../sync-targets/contract.ts';
import { type Ready, reconcileCandidate } from './candidate.ts';
import { type LateUnit, lateLeaseOf } from './late-copies.ts';
import type { Candidate } from './outcome.ts';
import { Readings } from './reading.ts';
import { reconcileLate } from './reconcile-late.ts';
import { refuseCopy, refusedId, sameCopyTwice } from './refused.ts';
import type { ResolvedDestination, ResolvedSync } from './resolve.ts';
import { Gathered, leaseWaitMs, type SecretOutcome, type SecretWork, type UnitWork, unitWork } from './secret-work.ts';
import { type Unit, unitOf, wantCopy } from './unit.ts';

export type { SecretOutcome, SecretWork } from './secret-work.ts';

/** Milliseconds until a reading that was too old is tried again. */
const staleRetryMs = 1_000;

/**
 * Brings every copy of one secret in sync:
 * find the copies wanted · take their leases · read Vault once · bring each copy in sync, side by side.
 */
export async function reconcileSecret(work: SecretWork): Promise<SecretOutcome> {
  const gathered = new Gathered();
  const { copies, late } = await copiesOf(work, gathered);
  if (copies.length === 0 && late.length === 0) return { ...gathered, outcome: 'done' };
  const keys = [...copies.map(({ wanted }) => wanted.id), ...late.map(lateLeaseOf)];
  const lease = await work.world.leases.acquire(keys, { waitMs: leaseWaitMs, signal: work.signal });
  if (!lease) return { ...gathered, outcome: 'later', afterMs: 500, reason: 'CopyBusy' };
  try {
    const signal = AbortSignal.any([work.signal, lease.signal]);
    return await reconcileLeased({ ...work, signal }, { copies, late, gathered });
  } finally {
    await lease.release();
  }
}

/** The copies that are known without a look at Vault, and the units whose copies are not. */
async function copiesOf(work: SecretWork, gathered: Gathered): Promise<{ copies: Candidate[]; late: LateUnit[] }> {
  const copies: Candidate[] = [];
  const late: LateUnit[] = [];
  // Where two syncs want one copy that is nobody's yet, the earlier one gets it.
  for (const resolved of [...work.syncs].sort(byAge)) {
    const unit = unitOf(resolved, work.place);
    if (!unit) continue;
    const ids = new Set<string>();
    const targets: { into: ResolvedDestination; target: Target }[] = [];
    for (const into of resolved.destinations) {
      const known = await namedCopy(work, { unit, into, ids, gathered });
      if (known?.target) targets.push({ into, target: known.target });
      if (known?.candidate) copies.push(known.candidate);
    }
    if (targets.length > 0) late.push({ unit, targets, ids });
  }
  return { copies, late };
}

/** A copy, named; or only its target, when its name follows from what Vault will say; null = refused or not asked for. */
async function namedCopy(
  { world, only }: SecretWork,
  options: { unit: Unit; into: ResolvedDestination; ids: Set<string>; gathered: Gathered },
): Promise<{ candidate?: Candidate; target?: Target } | null> {
  const { unit, into, ids, gathered } = options;
  const { resolved, source } = unit;
  const complaint = refusedId(resolved, { into, source, key: null });
  const isAskedFor = (id: string) => only === undefined || only === id || only === complaint;
  try {
    const target = await world.target(into.destination, resolved.sync.namespace);
    // The complaint was asked about, and does not hold any more.
    if (only === complaint) await world.ledger.forget(complaint);
    if (into.late) return { target };
    const wanted = wantCopy({ unit, into, target, content: null, key: null, allows: world.allows });
    if (ids.has(wanted.id)) throw sameCopyTwice(resolved, wanted);
    ids.add(wanted.id);
    return isAskedFor(wanted.id) ? { candidate: { resolved, unit, wanted } } : null;
  } catch (error) {
    if (isAskedFor(complaint)) gathered.results.push(await refuseCopy({ world, resolved, into, source, error }));
    return null;
  }
}

function byAge({ sync: one, key }: ResolvedSync, { sync: other, key: otherKey }: ResolvedSync): number {
  return one.createdAt - other.createdAt || (key < otherKey ? -1 : 1);
}

interface Leased {
  readonly copies: readonly Candidate[];
  readonly late: readonly LateUnit[];
  readonly gathered: Gathered;
}

async function reconcileLeased(work: SecretWork, { copies, late, gathered }: Leased): Promise<SecretOutcome> {
  const { world, signal } = work;
  const [first] = [...copies, ...late];
  if (!first) return { ...gathered, outcome: 'done' };
  const readings = new Readings(world.reader(first.unit.resolved.vault), signal);
  const records = await world.ledger.get(copies.map(({ wanted }) => wanted.id));
  const units = new Map<string, UnitWork>();
  const failed: unknown[] = [];
  for (const { unit } of [...copies, ...late]) {
    if (units.has(unitKeyOf(unit))) continue;
    try {
      units.set(unitKeyOf(unit), unitWork(unit, await readings.of(world, unit)));
    } catch (error) {
      failed.push(error);
    }
  }
  const ready = copies.flatMap((candidate, index) => {
    const unit = units.get(unitKeyOf(candidate.unit));
    return unit ? [{ candidate, unit, record: records[index] ?? null }] : [];
  });
  const rivals = Map.groupBy(ready, ({ candidate }) => candidate.wanted.id);
  const early = [...rivals.values()].map((rival) => oneByOne(work, rival, gathered));
  const held = { ids: new Set(rivals.keys()), ended: Promise.allSettled(early) };
  const working = [
    ...early,
    ...late.flatMap((lateUnit) => {
      const unit = units.get(unitKeyOf(lateUnit.unit));
      return unit ? [reconcileLate(work, { lateUnit, unit, gathered, held })] : [];
    }),
  ];
  // Should the ledger fail one, the others are waited for all the same: the lease must outlive their writes.
  await Promise.allSettled(working);
  await Promise.all(working);
  if (failed.length > 0) return { ...gathered, outcome: 'unread', error: failed[0] };
  if (!gathered.isStale) return { ...gathered, outcome: 'done' };
  return { ...gathered, outcome: 'later', afterMs: staleRetryMs, reason: 'StaleRead' };
}

/** Syncs that want the same copy take their turns: whoever was before may have taken it. */
async function oneByOne(work: SecretWork, ready: readonly Ready[], gathered: Gathered): Promise<void> {
  for (const [index, { candidate, unit, record }] of ready.entries()) {
    const [latest = null] = index === 0 ? [record] : await work.world.ledger.get([candidate.wanted.id]);
    await reconcileCandidate(work, { candidate, unit, record: latest }, gathered);
  }
}

function unitKeyOf({ resolved, source }: Unit): string {
  return `${resolved.key} ${source}`;
}
