import { SyncError } from '../errors.ts';
import type { SecretPlace } from '../vault/contract.ts';
import { recallMounts, rememberMounts } from './absence.ts';
import { admitDeletions, releasedDeletions } from './deletion-guard.ts';
import { findLeftovers, type Leftovers, removeLeftover, type SweptPlace, willDelete } from './leftovers.ts';
import { markedSources } from './marked-sources.ts';
import type { Missed } from './missed.ts';
import { type ListedCopies, listCopies, listSources, meetingsOf, rememberSweep } from './overview.ts';
import type { CopyResult, World } from './ports.ts';
import { doubtfulOrphans, leaveOrphan } from './remade-mounts.ts';
import type { ResolvedSync } from './resolve.ts';
import { reconcileSecret, type SecretOutcome, type SecretWork } from './secret.ts';

/** Secrets of one sync that are worked on at once. */
const secretsAtOnce = 16;

export interface SyncOutcome {
  readonly results: readonly CopyResult[];
  /** Secrets that Vault gave no certain answer about; the first error stands for all. */
  readonly unread: { readonly count: number; readonly error: unknown } | null;
  /** A place did not say which copies it holds, and only that shows what has to go; trying again soon may help. */
  readonly unlisted: SyncError | null;
  /** Secrets to come back to: their copies were busy, or the reading was too old. */
  readonly later: readonly { readonly place: SecretPlace; readonly afterMs: number }[];
  /** Versions that no audit entry told of. */
  readonly missed: readonly Missed[];
  /** Nothing was left open: what the sync selects and what it does not is known. */
  readonly whole: boolean;
  /** Places that no destination leads to any more, and whether anything may be left there; null = not looked for. */
  readonly places: readonly SweptPlace[] | null;
}

const notLooked: Leftovers = { leftovers: [], places: null };

export interface SyncWork {
  readonly world: World;
  readonly resolved: ResolvedSync;
  readonly signal: AbortSignal;
  /** See `SecretWork`. */
  readonly unsure?: boolean;
}

/**
 * A full reconcile of one sync:
 * list what it selects · compare every copy with its store · follow what has gone · take leftovers away.
 * Deletions come last, all of them at once before the guard.
 * @throws SyncError when Vault does not list; nothing is deleted then
 */
export async function reconcileSync(work: SyncWork): Promise<SyncOutcome> {
  const { world, resolved, signal, unsure = false } = work;
  const { driftPolicy } = resolved.spec;
  const startedAt = world.now();
  const { sources: shown, mounts } = await listSources(work);
  const released = await releasedDeletions(world.ledger, resolved.sync, resolved.key);
  // Whoever does not care for drift needs no look at the stores.
  const verify = driftPolicy !== 'Ignore' || unsure;
  const listed = await listCopies(work, { sources: shown, verify });
  const { sources, copies: marked } = markedSources(resolved, shown, listed.all);
  const common = {
    world,
    syncs: [resolved],
    heard: null,
    signal,
    verify,
    unsure,
    listed: listed.compared,
    marked,
    released,
    backfill: true,
  };
  const meetings = await meetingsOf(work, sources);
  const run = new Run();
  await eachAtOnce(sources.values(), secretsAtOnce, async ({ places: [place] }) => {
    run.note(place, await reconcileSecret({ ...common, place, meetings, deletions: 'defer' }));
  });

  // A run whose manifest was edited meanwhile does not know what is left over.
  const isCurrent = world.generationOf(resolved.key) === resolved.sync.generation;
  const isSettled = isCurrent && run.unread === null && run.later.length === 0;
  const found = isSettled ? await findLeftovers(work, { ...run, startedAt, listed: listed.all }) : notLooked;
  const isReleased = ({ copy }: { copy: string }) => released.has(copy);
  const orphans = await doubtfulOrphans(work, { ...found, mounts });
  const removals = found.leftovers.filter(
    (leftover) => willDelete(resolved, leftover) && !isReleased(leftover) && !orphans.has(leftover),
  );
  const isAdmitted = await mayDelete(work, [...run.deferred, ...removals]);
  await eachAtOnce([...run.deferred], secretsAtOnce, async ({ place, copy }) => {
    const deletions: SecretWork['deletions'] = isAdmitted ? 'proceed' : 'stop';
    run.note(place, await reconcileSecret({ ...common, place, meetings, deletions, only: copy }));
  });
  await eachAtOnce(found.leftovers, secretsAtOnce, async (leftover) => {
    const removal = { ...work, ...leftover, isAdmitted, isReleased: isReleased(leftover) };
    const result = await (orphans.has(leftover) ? leaveOrphan(work, leftover) : removeLeftover(removal));
    if (result) run.results.push(result);
  });

  const { results, unread, later, missed } = run;
  const isCertain = orphans.size === 0 && !results.some(({ reason }) => reason === 'SourceNotFound');
  const whole = isCurrent && unread === null && later.length === 0 && isCertain;
  if (whole) {
    const isFirst = Object.keys(await recallMounts(world.ledger, resolved.key)).length === 0;
    await rememberMounts(world.ledger, resolved.key, mounts);
    const isSwept =
      listed.unlisted === null && !results.some(({ isLeftover, change }) => isLeftover && change === 'failed');
    if (isSwept) await rememberSweep(work);
    // Only from now on one of several merged secrets can be known to be missing: see `Readings`.
    const isDoubtful = resolved.spec.source.merge && results.every(({ change }) => change === 'absent');
    if (isFirst && isDoubtful) return reconcileSync(work);
  }
  return { results, unread, unlisted: unlistedOf(listed), later, missed, whole, places: found.places };
}

/** Without the right to list, only an edit of that right helps: the next full reconcile is early enough. */
function unlistedOf({ unlisted, isNeeded }: ListedCopies): SyncError | null {
  if (!isNeeded || !(unlisted?.error instanceof SyncError)) return null;
  const { error } = unlisted;
  return error.remedy === 'Retry' || error.remedy === 'RateLimited' ? error : null;
}

/** What a full reconcile gathers. */
class Run {
  readonly results: CopyResult[] = [];
  readonly later: { place: SecretPlace; afterMs: number }[] = [];
  readonly deferred: { place: SecretPlace; copy: string }[] = [];
  readonly missed: Missed[] = [];
  unread: { count: number; error: unknown } | null = null;

  note(place: SecretPlace, outcome: SecretOutcome): void {
    this.results.push(...outcome.results);
    this.missed.push(...outcome.missed);
    this.deferred.push(...outcome.deferred.map((copy) => ({ place, copy })));
    if (outcome.outcome === 'later') this.later.push({ place, afterMs: outcome.afterMs });
    if (outcome.outcome === 'unread') {
      this.unread = { count: (this.unread?.count ?? 0) + 1, error: this.unread?.error ?? outcome.error };
    }
  }
}

/** Whether all of these may go. A dry run asks the same question and counts nothing. */
async function mayDelete(
  { world, resolved }: SyncWork,
  deletions: readonly { readonly copy: string }[],
): Promise<boolean> {
  const isForShow = resolved.spec.dryRun || world.writes() === 'paused';
  return admitDeletions(world, resolved, { copies: deletions.map(({ copy }) => copy), isForShow });
}

/** Runs `work` over all items, at most `limit` at a time. */
async function eachAtOnce<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lane = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}
