import { type Destination, syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { publicMessage, SyncError } from '../errors.ts';
import { type Observed, PremiseChanged, type Target } from '../sync-targets/contract.ts';
import { handOver, inheritedMark } from './claims.ts';
import { noSource, ownerOf } from './marks.ts';
import { ownIn } from './overview.ts';
import { hasMoreToRemove, planCopy } from './plan.ts';
import type { CopyRecord, CopyResult, World, WrittenPlace } from './ports.ts';
import { isRefusedId } from './refused.ts';
import { callStore } from './store-call.ts';
import { copyIdOf } from './unit.ts';
import { destinationTo, isPlace, openPlace, writtenPlaceOf } from './written-places.ts';

const leaseWaitMs = 5_000;

/** What became of the copies of a sync that goes away. */
export interface Removal {
  /** Copies that could not be deleted come as failures; the caller keeps the sync until there are none. */
  readonly results: readonly CopyResult[];
  /** Places that could not be searched for marks, and why. */
  readonly unswept: readonly { readonly destination: string; readonly unswept: string }[];
}

/**
 * Deals with every copy of a sync that is going away, found by the ledger and, where they are to be deleted, by their
 * marks in every place that was ever written: handed over, deleted or left, as `removalPolicy` says. Nothing happens
 * while its manifest says `dryRun` or `suspend`.
 */
export async function removeCopies(options: {
  readonly world: World;
  readonly sync: VaultSecretSync;
  readonly signal: AbortSignal;
}): Promise<Removal> {
  const { world, sync, signal } = options;
  if (sync.spec.dryRun || sync.spec.suspend) return { results: [], unswept: [] };
  const key = syncKeyOf(sync);
  const policy = sync.spec.removalPolicy;
  const owner = ownerOf({ installation: world.installation, namespace: sync.namespace, name: sync.name });
  const places = await everyPlaceOf(world, sync);
  const found = new Map<string, { target: Target; name: string; source: string; owner?: string }>();
  for await (const { copy, entry } of world.ledger.ofSync(key)) {
    const isComplaint = isRefusedId(copy);
    if (entry.state === 'deleted' || (isComplaint && !isPlace(entry.destination))) continue;
    const place = places.get(entry.destination) ?? { destination: entry.destination };
    places.set(place.destination, place);
    const target = await openPlace(world, sync.namespace, place).catch(() => null);
    if (!target) continue;
    const { name, source } = entry;
    const id = isComplaint ? copyIdOf(target, name) : copy;
    const inherited = await inheritedMark(world, { sync: key, copy: id });
    if (inherited !== null) found.set(id, { target, name, source, owner: inherited });
    else if (!isComplaint) found.set(id, { target, name, source });
  }
  const unswept: { destination: string; unswept: string }[] = [];
  for (const place of policy === 'Delete' ? places.values() : []) {
    const swept = await ownIn({ world, owner, namespace: sync.namespace, signal }, place);
    if (swept.unswept !== null) unswept.push({ destination: place.destination, unswept: swept.unswept });
    for (const [copy, { observed, target }] of swept.marked) {
      if (!found.has(copy)) found.set(copy, { target, name: observed.name, source: noSource });
    }
  }
  const results: CopyResult[] = [];
  // What another sync has taken over since is not ours any more.
  const isDue = (latest: CopyRecord | null) => latest === null || latest.sync === key || latest.state === 'conflict';
  for (const [copy, known] of found) {
    const destination = await destinationTo(world, {
      dest: sync.spec.dest,
      namespace: sync.namespace,
      target: known.target,
    });
    const result = await removeOwn({ world, signal, copy, owner, sync: key, policy, isDue, destination, ...known });
    if (result) results.push(result);
  }
  return { results, unswept };
}

/** Places of a sync's destinations, and those its status remembers. */
async function everyPlaceOf(world: World, sync: VaultSecretSync): Promise<Map<string, WrittenPlace>> {
  const places = new Map<string, WrittenPlace>();
  for (const place of sync.status?.destinations ?? [])
    if (isPlace(place.destination)) places.set(place.destination, place);
  for (const destination of sync.spec.dest) {
    // Where a destination leads nowhere nothing was ever written.
    const target = await world.target(destination, sync.namespace).catch(() => null);
    if (target) places.set(target.scope, writtenPlaceOf(target, destination));
  }
  return places;
}

/** Hands a copy of ours over, deletes it, or leaves it and forgets it; null when it was left. */
export async function removeOwn(options: {
  readonly world: World;
  readonly signal: AbortSignal;
  readonly copy: string;
  readonly owner: string;
  readonly target: Target;
  readonly name: string;
  readonly sync: string;
  readonly source: string;
  readonly policy: 'Delete' | 'Retain';
  /** A destination of the manifest that leads there, if there still is one: it may say how copies are deleted. */
  readonly destination: Destination | undefined;
  /** Whether that is still due, by what the ledger holds once nobody else can change it. */
  readonly isDue: (latest: CopyRecord | null) => boolean;
}): Promise<CopyResult | null> {
  const { world, copy, target, name, owner, policy, isDue } = options;
  const base = {
    sync: options.sync,
    copy,
    store: target.scope.split(':')[0] as CopyResult['store'],
    destination: target.scope,
    name,
    source: options.source,
    fingerprints: { wanted: null, found: null },
    isLeftover: true as const,
  };
  const finish = (result: CopyResult): CopyResult => {
    world.onCopy(result);
    return result;
  };
  const lease = await world.leases.acquire([copy], { waitMs: leaseWaitMs, signal: options.signal });
  try {
    if (!lease)
      throw new SyncError({ remedy: 'Retry', reason: 'CopyBusy', message: `${copy} is being written just now` });
    const [latest = null] = await world.ledger.get([copy]);
    if (!isDue(latest)) return null;
    // What we only complained of is not ours to give.
    const isOurs = latest?.sync !== options.sync || latest.state !== 'conflict';
    const isHandedOver = isOurs && (await handOver(world, { copy, owner }));
    const isDeleted = !isHandedOver && policy === 'Delete' && (await removeMarked(options, lease.signal));
    if (latest?.sync === options.sync) await world.ledger.forget(copy);
    if (!isHandedOver && policy === 'Retain') return null;
    const change = isDeleted ? 'deleted' : 'absent';
    const message = isHandedOver ? 'handed over to another sync that wants it' : 'no longer asked for';
    return finish({ ...base, change, planned: change, reason: '', message, retry: null });
  } catch (caught) {
    const error = caught instanceof PremiseChanged ? changedMeanwhile(copy, caught) : caught;
    const reason = error instanceof SyncError ? error.reason : 'InternalError';
    const retry = { afterMs: error instanceof SyncError ? (error.retryAfterMs ?? null) : null, countsAsAttempt: true };
    return finish({ ...base, change: 'failed', planned: 'deleted', reason, message: publicMessage(error), retry });
  } finally {
    await lease?.release();
  }
}

/** Deletes a copy once the store has shown that it is ours; false when there was nothing of ours. */
async function removeMarked(
  { world, copy, target, name, owner, destination, signal: given }: Parameters<typeof removeOwn>[0],
  leaseSignal: AbortSignal,
): Promise<boolean> {
  const signal = AbortSignal.any([given, leaseSignal]);
  const call = { world, target, label: copy, backfill: true, signal };
  const observed: Observed | null = await callStore({
    ...call,
    kind: 'read',
    call: (limited) => target.describe(name, limited, destination),
  });
  const plan = planCopy({
    label: copy,
    owner,
    formerOwner: null,
    observed,
    differences: null,
    hasMoreToRemove: hasMoreToRemove(target, observed, destination),
    wasInSync: false,
    policies: { deletionPolicy: 'Delete', driftPolicy: 'Repair', updatePolicy: 'Always', adoptionPolicy: 'Never' },
  });
  if (plan.action !== 'delete') return false;
  await callStore({ ...call, kind: 'write', call: (limited) => target.remove(plan.observed, limited, destination) });
  return true;
}

function changedMeanwhile(copy: string, cause: PremiseChanged): SyncError {
  const message = `${copy} changed while it was looked at; it is tried again`;
  return new SyncError({ remedy: 'Retry', reason: 'KeepsChanging', message, cause });
}
