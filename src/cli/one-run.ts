import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { publicMessage, SyncError } from '../errors.ts';
import { Rivals } from '../operator/rivals.ts';
import { restoreMounts } from '../sync/absence.ts';
import { literalCopies } from '../sync/literal-copies.ts';
import type { CopyResult, World } from '../sync/ports.ts';
import { removeCopies } from '../sync/removal.ts';
import { type ResolvedSync, resolveSync } from '../sync/resolve.ts';
import { reconcileSync } from '../sync/sync.ts';

/**
 * How a sync took part:
 * - `active`     reconciled
 * - `dryRun`     looked at only, as its manifest says
 * - `suspended`  left out, as its manifest says
 * - `deleting`   on its way out: its copies were dealt with as its `removalPolicy` says
 */
export type Mode = 'active' | 'dryRun' | 'suspended' | 'deleting';

/** Why a sync, or a part of it, could not be looked at. */
export interface RunProblem {
  /** Stable CamelCase word. */
  readonly reason: string;
  readonly message: string;
}

/** What a run did for one sync. */
export interface SyncReport {
  /** `namespace/name`. */
  readonly sync: string;
  readonly mode: Mode;
  readonly results: readonly CopyResult[];
  readonly problems: readonly RunProblem[];
}

export interface RunOptions {
  /** Everything but what follows from the syncs. */
  readonly world: Omit<World, 'recordPlaces' | 'generationOf' | 'earlierRival' | 'wake'>;
  /** Every sync that is known. */
  readonly syncs: readonly VaultSecretSync[];
  /** Which of them are run. */
  readonly isAskedFor: (sync: VaultSecretSync) => boolean;
  /** Whether a sync that is not among them may exist all the same. */
  readonly mayExist: (sync: string) => boolean;
  readonly signal: AbortSignal;
  readonly onReport: (report: SyncReport) => void;
}

/** One full reconcile of each sync, one after the other: in the order in which they were created, then by name. */
export async function runOnce(options: RunOptions): Promise<void> {
  const { syncs, isAskedFor, signal, onReport } = options;
  const results: CopyResult[] = [];
  const rivals = new Rivals();
  const known = new Map(syncs.map((sync) => [syncKeyOf(sync), sync]));
  const world: World = {
    ...options.world,
    recordPlaces: async () => undefined,
    generationOf(key) {
      const sync = known.get(key);
      if (sync) return sync.deleting ? null : sync.generation;
      return options.mayExist(key) ? 1 : null;
    },
    earlierRival: (copy, sync) => rivals.earlier(copy, sync),
    // Who waits for a copy gets it in the next run.
    wake: async () => undefined,
    onCopy: (result) => void results.push(result),
  };
  const resolved = new Map<VaultSecretSync, ResolvedSync | SyncError>();
  for (const sync of syncs) {
    const words = resolvedOrError(sync, world);
    resolved.set(sync, words);
    if (!(words instanceof SyncError)) rivals.set(sync, await literalCopies(world, words));
  }
  for (const sync of syncs.filter(isAskedFor).sort(byAge)) {
    const words = resolved.get(sync) ?? resolvedOrError(sync, world);
    const problems = await problemsOf(() => runSync({ world, sync, words, signal }), signal);
    onReport({ sync: syncKeyOf(sync), mode: modeOf(sync), results: results.splice(0), problems });
    if (signal.aborted) return;
  }
}

/** Runs one sync. @throws SyncError when nothing of it could be looked at */
async function runSync(options: {
  readonly world: World;
  readonly sync: VaultSecretSync;
  readonly words: ResolvedSync | SyncError;
  readonly signal: AbortSignal;
}): Promise<RunProblem[]> {
  const { world, sync, words, signal } = options;
  const mode = modeOf(sync);
  if (mode === 'suspended') return [];
  if (mode === 'deleting') {
    const { unswept } = await removeCopies({ world, sync, signal });
    return unswept.map((place) => ({ reason: 'Unswept', message: `${place.destination}: ${place.unswept}` }));
  }
  if (words instanceof SyncError) throw words;
  await restoreMounts(world.ledger, sync);
  const { unread, unlisted, later } = await reconcileSync({ world, resolved: words, signal });
  return [
    ...(unread ? [problemOf(unread.error)] : []),
    ...(unlisted ? [problemOf(unlisted)] : []),
    ...later.map(({ place }) => ({
      reason: 'NotSettled',
      message: `${place.mount}/${place.name} was busy or read too old; run again`,
    })),
  ];
}

async function problemsOf(run: () => Promise<RunProblem[]>, signal: AbortSignal): Promise<RunProblem[]> {
  const interrupted: RunProblem = { reason: 'Interrupted', message: 'told to stop before it was done' };
  try {
    const problems = await run();
    return signal.aborted ? [...problems, interrupted] : problems;
  } catch (error) {
    if (signal.aborted) return [interrupted];
    if (!(error instanceof SyncError)) throw error;
    return [problemOf(error)];
  }
}

function problemOf(error: unknown): RunProblem {
  return { reason: error instanceof SyncError ? error.reason : 'InternalError', message: publicMessage(error) };
}

function resolvedOrError(sync: VaultSecretSync, context: Parameters<typeof resolveSync>[1]): ResolvedSync | SyncError {
  try {
    return resolveSync(sync, context);
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

function modeOf({ spec, deleting }: VaultSecretSync): Mode {
  if (spec.suspend) return 'suspended';
  if (deleting) return 'deleting';
  return spec.dryRun ? 'dryRun' : 'active';
}

/** Of those that want the same copy the first gets it: creation time, then namespace and name. */
function byAge(one: VaultSecretSync, other: VaultSecretSync): number {
  return one.createdAt - other.createdAt || (syncKeyOf(one) < syncKeyOf(other) ? -1 : 1);
}
