import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Observed, Target } from '../sync-targets/contract.ts';
import type { SecretPlace } from '../vault/contract.ts';
import { mountUuidFact } from './absence.ts';
import { parseSourceKey } from './marks.ts';
import type { CopyRecord, CopyResult, World } from './ports.ts';
import { removeLeftover } from './removal.ts';
import { type ResolvedSync, selectName } from './resolve.ts';
import { reconcileSecret } from './secret.ts';

/** Secrets of one sync that are worked on at once. */
const secretsAtOnce = 16;

export interface SyncOutcome {
  readonly results: readonly CopyResult[];
  /** Secrets that Vault gave no certain answer about; the first error stands for all. */
  readonly unread: { readonly count: number; readonly error: unknown } | null;
  /** Secrets to come back to: their copies were busy, or the reading was too old. */
  readonly later: readonly { readonly place: SecretPlace; readonly afterMs: number }[];
  /** Uuid of the mount, once a whole reconcile has gone through it. */
  readonly mountUuid: string | null;
}

/**
 * A full reconcile of one sync:
 * list what it selects · compare every copy with its store · follow what has gone · take leftovers away.
 * @throws SyncError when Vault does not list; nothing is deleted then
 */
export async function reconcileSync(options: {
  readonly world: World;
  readonly resolved: ResolvedSync;
  readonly signal: AbortSignal;
}): Promise<SyncOutcome> {
  const { world, resolved, signal } = options;
  const { vault, namespace, selector } = resolved;
  const startedAt = world.now();
  const reader = world.reader(vault);
  const mountPlace = { namespace, mount: selector.mount };
  const mount = await reader.mount(mountPlace, { fresh: true, signal });

  const names = new Set<string>();
  if (selector.kind === 'literal') names.add(selector.name);
  else {
    for await (const name of reader.list({ ...mountPlace, prefix: selector.prefix }, signal)) {
      if (selectName(resolved, name)) names.add(name);
    }
  }
  // Copies whose secret no longer shows in the listing: each is looked up on its own, an absence must be proven.
  for await (const known of world.ledger.ofSync(resolved.key)) {
    const source = parseSourceKey(known.entry.source);
    const selected =
      source.vault === vault &&
      source.place.namespace === namespace &&
      source.place.mount === selector.mount &&
      selectName(resolved, source.place.name) !== null;
    if (selected) names.add(source.place.name);
  }

  const listed = selector.kind === 'pattern' ? await listCopies(options, resolved) : new Map<string, Observed>();
  const results: CopyResult[] = [];
  const later: { place: SecretPlace; afterMs: number }[] = [];
  let unread: { count: number; error: unknown } | null = null;
  await eachAtOnce(names, secretsAtOnce, async (name) => {
    const place = { ...mountPlace, name };
    const work = { world, syncs: [resolved], place, heard: null, signal, verify: true, listed };
    const outcome = await reconcileSecret(work);
    results.push(...outcome.results);
    if (outcome.outcome === 'later') later.push({ place, afterMs: outcome.afterMs });
    if (outcome.outcome === 'unread')
      unread = { count: (unread?.count ?? 0) + 1, error: unread?.error ?? outcome.error };
  });

  if (unread === null && later.length === 0) {
    for (const leftover of await leftoversOf(options, { results, startedAt })) {
      const result = await removeLeftover({ world, resolved, signal, ...leftover });
      if (result) results.push(result);
    }
  }
  const whole = unread === null && later.length === 0 && !results.some((result) => result.reason === 'SourceNotFound');
  if (whole) await world.ledger.remember(resolved.key, mountUuidFact, mount.uuid);
  return { results, unread, later, mountUuid: whole ? mount.uuid : null };
}

/**
 * What this run did not come past: copies of secrets that are not selected any more or in a destination that was taken
 * away, and complaints that no longer hold. Never what a newer manifest asked for meanwhile.
 */
async function leftoversOf(
  { world, resolved }: { world: World; resolved: ResolvedSync },
  { results, startedAt }: { results: readonly CopyResult[]; startedAt: number },
): Promise<{ copy: string; entry: CopyRecord }[]> {
  const seen = new Set(results.map(({ copy }) => copy));
  const leftovers: { copy: string; entry: CopyRecord }[] = [];
  for await (const known of world.ledger.ofSync(resolved.key)) {
    const { at, generation } = known.entry;
    if (!seen.has(known.copy) && at < startedAt && generation <= resolved.sync.generation) leftovers.push(known);
  }
  return leftovers;
}

/** The places that a sync's copies are in. */
async function placesOf(world: World, sync: VaultSecretSync): Promise<Target[]> {
  const targets = new Map<string, Target>();
  for (const destination of sync.spec.dest) {
    const target = await world.target(destination);
    targets.set(target.scope, target);
  }
  return [...targets.values()];
}

/** Listings of every place that can list, by copy id. A copy that is not in them is described on its own. */
async function listCopies(
  { world, signal }: { world: World; signal: AbortSignal },
  resolved: ResolvedSync,
): Promise<Map<string, Observed>> {
  const listed = new Map<string, Observed>();
  let targets: Target[];
  try {
    targets = await placesOf(world, resolved.sync);
  } catch {
    // Each copy says for itself what is wrong with its destination.
    return listed;
  }
  for (const target of targets) {
    if (!target.list) continue;
    try {
      for await (const observed of target.list(resolved.owner, signal)) {
        listed.set(`${target.scope}/${target.identityOf(observed.name)}`, observed);
      }
    } catch {
      // A listing only saves calls: without it (no permission, throttled) each copy is described.
    }
  }
  return listed;
}

/** Runs `work` over all items, at most `limit` at a time. */
async function eachAtOnce<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items].values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}
