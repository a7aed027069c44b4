import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { publicMessage, SyncError } from '../errors.ts';
import { type Observed, PremiseChanged, type Target } from '../sync-targets/contract.ts';
import { ownerOf } from './marks.ts';
import { planCopy } from './plan.ts';
import type { CopyRecord, CopyResult, World } from './ports.ts';
import { isRefusedId } from './refused.ts';
import type { ResolvedSync } from './resolve.ts';

const leaseWaitMs = 5_000;

/**
 * Deals with a copy that the manifest no longer asks for: deleted with `removalPolicy: Delete`, else left and forgotten.
 * Null when there was nothing to do.
 */
export async function removeLeftover(options: {
  readonly world: World;
  readonly resolved: ResolvedSync;
  readonly signal: AbortSignal;
  readonly copy: string;
  readonly entry: CopyRecord;
}): Promise<CopyResult | null> {
  const { world, resolved, copy, entry } = options;
  if (isRefusedId(copy)) {
    await world.ledger.forget(copy);
    return null;
  }
  const target = await targetAt(world, resolved.sync, entry.destination);
  const keep = resolved.spec.removalPolicy === 'Retain' || resolved.spec.dryRun || target === null;
  if (keep || world.writes() === 'paused') {
    if (resolved.spec.removalPolicy === 'Retain') await world.ledger.forget(copy);
    return null;
  }
  return removeOwn({
    ...options,
    owner: resolved.owner,
    target,
    name: entry.name,
    sync: resolved.key,
    source: entry.source,
  });
}

/**
 * Deletes every copy of a sync that is going away, found by the ledger and by its marks in the stores; none while its
 * manifest says `dryRun` or `suspend`.
 * Copies that could not be deleted come back as failures; the caller keeps the sync until there are none.
 */
export async function removeCopies(options: {
  readonly world: World;
  readonly sync: VaultSecretSync;
  readonly signal: AbortSignal;
}): Promise<CopyResult[]> {
  const { world, sync, signal } = options;
  if (sync.spec.dryRun || sync.spec.suspend) return [];
  const key = syncKeyOf(sync);
  const targets = await everyPlaceOf(world, sync);
  const owner = ownerOf({ installation: world.installation, namespace: sync.namespace, name: sync.name });
  const found = new Map<string, { target: Target; name: string; source: string }>();
  for await (const { copy, entry } of world.ledger.ofSync(key)) {
    const target = targets.find((candidate) => candidate.scope === entry.destination);
    if (target && !isRefusedId(copy)) found.set(copy, { target, name: entry.name, source: entry.source });
  }
  for (const target of targets) {
    if (!target.list) continue;
    for await (const { name } of target.list(owner, signal)) {
      const copy = `${target.scope}/${target.identityOf(name)}`;
      if (!found.has(copy)) found.set(copy, { target, name, source: '' });
    }
  }
  const results: CopyResult[] = [];
  for (const [copy, known] of found) results.push(await removeOwn({ world, signal, copy, owner, sync: key, ...known }));
  return results;
}

async function removeOwn(options: {
  readonly world: World;
  readonly signal: AbortSignal;
  readonly copy: string;
  readonly owner: string;
  readonly target: Target;
  readonly name: string;
  readonly sync: string;
  readonly source: string;
}): Promise<CopyResult> {
  const { world, copy, target, name, owner } = options;
  const store = target.scope.split(':')[0] as CopyResult['store'];
  const base = { sync: options.sync, copy, store, destination: target.scope, name, source: options.source };
  const finish = (result: CopyResult): CopyResult => {
    world.onCopy(result);
    return result;
  };
  const lease = await world.leases.acquire([copy], { waitMs: leaseWaitMs, signal: options.signal });
  try {
    if (!lease)
      throw new SyncError({ remedy: 'Retry', reason: 'CopyBusy', message: `${copy} is being written just now` });
    const signal = AbortSignal.any([options.signal, lease.signal, AbortSignal.timeout(leaseWaitMs)]);
    const observed: Observed | null = await target.describe(name, signal);
    const plan = planCopy({
      label: copy,
      owner,
      observed,
      differences: null,
      adoptionPolicy: 'Never',
      deletionPolicy: 'Delete',
    });
    if (plan.action === 'delete') {
      signal.throwIfAborted();
      await target.remove(plan.observed, signal);
    }
    await world.ledger.forget(copy);
    const change = plan.action === 'delete' ? 'deleted' : 'absent';
    return finish({ ...base, change, planned: change, reason: '', message: 'no longer asked for', retry: null });
  } catch (caught) {
    const error = caught instanceof PremiseChanged ? changedMeanwhile(copy, caught) : caught;
    const reason = error instanceof SyncError ? error.reason : 'InternalError';
    const retry = { afterMs: error instanceof SyncError ? (error.retryAfterMs ?? null) : null, countsAsAttempt: true };
    return finish({ ...base, change: 'failed', planned: 'deleted', reason, message: publicMessage(error), retry });
  } finally {
    await lease?.release();
  }
}

function changedMeanwhile(copy: string, cause: PremiseChanged): SyncError {
  const message = `${copy} changed while it was looked at; it is tried again`;
  return new SyncError({ remedy: 'Retry', reason: 'KeepsChanging', message, cause });
}

/** The target behind a place that was written before, if a destination of the sync still leads there. */
async function targetAt(world: World, sync: VaultSecretSync, scope: string): Promise<Target | null> {
  for (const destination of sync.spec.dest) {
    const target = await world.target(destination).catch(() => null);
    if (target?.scope === scope) return target;
  }
  return world.targetAt(scope);
}

/** Places of a sync's destinations, and those its status remembers that this process knows. */
async function everyPlaceOf(world: World, sync: VaultSecretSync): Promise<Target[]> {
  const targets = new Map<string, Target>();
  for (const destination of sync.spec.dest) {
    const target = await world.target(destination);
    targets.set(target.scope, target);
  }
  for (const { destination } of sync.status?.destinations ?? []) {
    const target = world.targetAt(destination);
    if (target) targets.set(destination, target);
  }
  return [...targets.values()];
}
