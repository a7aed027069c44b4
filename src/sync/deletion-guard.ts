import { createHash } from 'node:crypto';
import { releaseDeletionsAnnotation, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { CopyRecord, Ledger, World } from './ports.ts';
import type { ResolvedSync } from './resolve.ts';
import { isPlace } from './written-places.ts';

/** The guard counts deletions of the last 10 minutes. */
const windowMs = 10 * 60_000;
/** Without `maxDeletions`: the larger of a number and a share of all copies. */
const defaultNumber = 10;
const defaultShare = 0.25;

/** How many of a sync's copies may be deleted within the window. Pure. */
export function deletionLimit(maxDeletions: number | string | undefined, copies: number): number {
  if (typeof maxDeletions === 'number') return maxDeletions;
  if (maxDeletions !== undefined) return Math.ceil((copies * Number.parseInt(maxDeletions, 10)) / 100);
  return Math.max(defaultNumber, Math.ceil(copies * defaultShare));
}

/**
 * Whether these copies may be deleted now, all of them. They count as deleted then, unless it is asked only to show what
 * would happen.
 */
export async function admitDeletions(
  world: Pick<World, 'ledger' | 'deletions' | 'now'>,
  resolved: ResolvedSync,
  { copies, isForShow = false }: { copies: readonly string[]; isForShow?: boolean },
): Promise<boolean> {
  if (copies.length === 0) return true;
  const now = world.now();
  const [counts, recent] = await Promise.all([
    world.ledger.counts(resolved.key),
    world.deletions.count(resolved.key, { windowMs, now }),
  ]);
  const places = Object.entries(counts).filter(([destination]) => isPlace(destination));
  const present = places.reduce((sum, [, states]) => sum + presentIn(states), 0);
  // What the ledger does not know of is there all the same.
  const limit = deletionLimit(resolved.spec.maxDeletions, Math.max(present, copies.length) + recent);
  if (!isForShow) return world.deletions.admit(resolved.key, { copies, limit, windowMs, now });
  const noted = new Set(await world.deletions.noted(resolved.key, { windowMs, now }));
  const added = copies.filter((copy) => !noted.has(copy)).length;
  return added === 0 || noted.size + added <= limit;
}

/** Copies that are in a store, as far as the ledger knows. */
function presentIn(states: Readonly<Record<string, number>>): number {
  const absent = ['deleted', 'conflict', 'dryRun'];
  return Object.entries(states).reduce((sum, [state, count]) => (absent.includes(state) ? sum : sum + count), 0);
}

/** The deletions of a sync that the guard has stopped. */
export interface StoppedDeletions {
  readonly copies: ReadonlyMap<string, CopyRecord>;
  /** Stands for this very set. */
  readonly digest: string;
}

export async function stoppedDeletions(ledger: Pick<Ledger, 'unwellOf'>, sync: string): Promise<StoppedDeletions> {
  const copies = new Map<string, CopyRecord>();
  for await (const { copy, entry } of ledger.unwellOf(sync)) if (entry.state === 'guarded') copies.set(copy, entry);
  return { copies, digest: digestOf([...copies.keys()]) };
}

/** The copies whose deletion an annotation of the sync lets go: those of the set whose digest it carries, or none. */
export async function releasedDeletions(
  ledger: Pick<Ledger, 'unwellOf'>,
  sync: VaultSecretSync,
  key: string,
): Promise<ReadonlySet<string>> {
  const given = sync.annotations[releaseDeletionsAnnotation];
  if (!given) return new Set();
  const { copies, digest } = await stoppedDeletions(ledger, key);
  return given === digest ? new Set(copies.keys()) : new Set();
}

function digestOf(copies: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([...copies].sort()))
    .digest('hex')
    .slice(0, 16);
}

/** The sentence for a deletion that was stopped. */
export const guardMessage =
  'the source is gone, but so many copies would go at once that the deletion guard stopped them; ' +
  `see status.stoppedDeletions: the annotation ${releaseDeletionsAnnotation} with its digest lets them go, ` +
  'or raise maxDeletions';
