import type { Target } from '../sync-targets/contract.ts';
import { inheritedMark } from './claims.ts';
import { guardMessage } from './deletion-guard.ts';
import { isBehind, isSuperseded } from './doubt.ts';
import { noSource } from './marks.ts';
import { type Marked, type MarkedCopy, ownIn, targetsOf } from './overview.ts';
import { type CopyRecord, type CopyResult, nothingWritten } from './ports.ts';
import { isRefusedId } from './refused.ts';
import { removeOwn } from './removal.ts';
import type { SyncWork } from './sync.ts';
import { copyIdOf } from './unit.ts';
import { destinationTo, isPlace, openPlace } from './written-places.ts';

/** Milliseconds that a deletion is remembered. */
const rememberDeletionMs = 60 * 60_000;

/** A copy of ours that the manifest does not ask for. */
export interface Leftover {
  readonly copy: string;
  readonly entry: CopyRecord;
  /** What the ledger held of it; null = nothing, it was found by its mark. */
  readonly known: CopyRecord | null;
  /** Where it is; null = nothing leads there, or it is only a complaint. */
  readonly target: Target | null;
  /** It may be a copy that is still wanted, in the same place under another name. */
  readonly isTwin?: true;
  /** The mark that it bears, where it is not ours: it was handed over to us, and we have not taken it. */
  readonly owner?: string;
}

/** A place that was written before and that no destination leads to any more. */
export interface SweptPlace {
  readonly destination: string;
  /** Why it could not be swept; null = nothing of ours is left there. */
  readonly unswept: string | null;
}

export interface Leftovers {
  readonly leftovers: readonly Leftover[];
  /** Null = not looked for. */
  readonly places: readonly SweptPlace[] | null;
}

/**
 * What a full reconcile did not come past: copies of secrets that are not selected any more, or in a place that no
 * destination leads to any more, and complaints that no longer hold. Found in the ledger, and by their marks in the
 * stores. Never what a newer manifest asked for meanwhile.
 */
export async function findLeftovers(
  work: SyncWork,
  run: {
    readonly results: readonly CopyResult[];
    readonly deferred: readonly { readonly copy: string }[];
    readonly startedAt: number;
    readonly listed: ReadonlyMap<string, MarkedCopy>;
  },
): Promise<Leftovers> {
  const { world, resolved } = work;
  const seen = new Set([...run.results, ...run.deferred].map(({ copy }) => copy));
  // Where not every copy of a source could be named, nobody knows which of them are still meant.
  const unnamed = new Set(run.results.flatMap(({ copy, source }) => (isRefusedId(copy) ? [source] : [])));
  const targets = new Map((await targetsOf(work)).map((target) => [target.scope, target]));
  const leftovers = new Map<string, Leftover>();
  for await (const { copy, entry } of world.ledger.ofSync(resolved.key)) {
    if (entry.at >= run.startedAt || isBehind(resolved, entry)) continue;
    if (entry.state === 'deleted') {
      if (run.startedAt - entry.at >= rememberDeletionMs)
        leftovers.set(copy, { copy, entry, known: entry, target: null });
      continue;
    }
    if (seen.has(copy) || (unnamed.has(entry.source) && !isRefusedId(copy))) continue;
    if (twinOf(entry.destination, targets)) {
      // It may be the very copy that this run has seen under the place's other name.
      leftovers.set(copy, { copy, entry, known: entry, target: null, isTwin: true });
      continue;
    }
    const target = targets.get(entry.destination) ?? (await targetAt(work, entry.destination));
    leftovers.set(copy, { copy, entry, known: entry, target: isNowhere(copy, entry) ? null : target });
    const inherited = entry.state === 'conflict' && target ? await inheritedCopy(work, { entry, target }) : null;
    if (inherited && !seen.has(inherited.copy)) leftovers.set(inherited.copy, inherited);
  }
  if (unnamed.size > 0) return { leftovers: [...leftovers.values()], places: null };
  const { places, marked } = await sweep(work, targets);
  for (const [copy, { observed, target }] of [...run.listed, ...marked]) {
    if (seen.has(copy) || leftovers.has(copy) || observed.existence !== 'live') continue;
    const [known = null] = await world.ledger.get([copy]);
    if (known !== null && isHeld(work, known)) continue;
    leftovers.set(copy, { copy, entry: orphan(work, { target, name: observed.name }), known, target });
  }
  const live = marked.filter(([, { observed }]) => observed.existence === 'live');
  const busy = new Set([
    ...[...leftovers.values()].map(({ entry }) => entry.destination),
    ...live.map(([, { target }]) => target.scope),
  ]);
  // A place is done with when nothing was found there: what is deleted now shows next time.
  const done = places.filter(({ destination, unswept }) => unswept !== null || !busy.has(destination));
  return { leftovers: [...leftovers.values()], places: done };
}

/** Looks for copies of ours in places that no destination leads to any more. */
async function sweep(
  work: SyncWork,
  current: ReadonlyMap<string, Target>,
): Promise<{ places: SweptPlace[]; marked: Marked[] }> {
  const { world, resolved, signal } = work;
  const { owner, sync } = resolved;
  const places: SweptPlace[] = [];
  const marked: Marked[] = [];
  for (const place of sync.status?.destinations ?? []) {
    if (current.has(place.destination) || !isPlace(place.destination)) continue;
    const twin = twinOf(place.destination, current);
    if (twin) {
      places.push({ destination: place.destination, unswept: twinMessage(place.destination, twin) });
      continue;
    }
    const found = await ownIn({ world, owner, namespace: sync.namespace, signal }, place);
    places.push({ destination: place.destination, unswept: found.unswept });
    marked.push(...found.marked);
  }
  return { places, marked };
}

/** The place that a destination leads to and that another scope may be, too; undefined = it is certainly another place. */
function twinOf(scope: string, current: ReadonlyMap<string, Target>): Target | undefined {
  return current.has(scope) ? undefined : [...current.values()].find((target) => target.mayBeAt?.(scope));
}

function twinMessage(scope: string, { scope: twin }: Target): string {
  return (
    `${scope} may be ${twin} under another name, so nothing there is taken for a leftover; ` +
    'if it is another place, delete by hand what bears the mark of this sync there (GCP: stores.gcp.projectNumbers tells)'
  );
}

async function targetAt({ world, resolved }: SyncWork, destination: string): Promise<Target | null> {
  const place = resolved.sync.status?.destinations?.find((known) => known.destination === destination);
  return openPlace(world, resolved.sync.namespace, place ?? { destination }).catch(() => null);
}

/**
 * Whether a record speaks for a copy that bears our mark. Another sync that has not written it is no holder; and what we
 * have deleted was written again by a run that was cut short.
 */
function isHeld({ resolved }: SyncWork, { sync, state, fingerprint }: CopyRecord): boolean {
  if (sync === resolved.key) return state !== 'deleted';
  return state !== 'conflict' && fingerprint !== null;
}

/** What is remembered of a copy that the ledger did not know. */
function orphan({ world, resolved }: SyncWork, { target, name }: { target: Target; name: string }): CopyRecord {
  return {
    ...nothingWritten,
    sync: resolved.key,
    destination: target.scope,
    source: noSource,
    name,
    key: null,
    state: 'synced',
    staleSince: null,
    goneSince: null,
    syncCreatedAt: resolved.sync.createdAt,
    generation: resolved.sync.generation,
    reason: '',
    message: '',
    stalled: false,
    unwell: false,
    at: world.now(),
  };
}

/** The copy that a complaint is about, if it was handed over to us meanwhile. */
async function inheritedCopy(
  { world, resolved }: SyncWork,
  { entry, target }: { entry: CopyRecord; target: Target },
): Promise<Leftover | null> {
  const copy = copyIdOf(target, entry.name);
  const owner = await inheritedMark(world, { sync: resolved.key, copy });
  const [known = null] = await world.ledger.get([copy]);
  return owner === null ? null : { copy, entry, known, target, owner };
}

/** Whether an entry stands for nothing of ours in a store: a complaint, a plan, a deletion that was done. */
function isNowhere(copy: string, { state, fingerprint }: CopyRecord): boolean {
  const isPlan = state === 'dryRun' && fingerprint === null;
  return isRefusedId(copy) || state === 'conflict' || state === 'deleted' || isPlan;
}

/** Whether a leftover is to be deleted, as far as the manifest says. Pure. */
export function willDelete({ spec, sync }: SyncWork['resolved'], { target, entry }: Leftover): boolean {
  const wasStopped = entry.state === 'guarded' && entry.generation === sync.generation;
  return spec.removalPolicy === 'Delete' && target !== null && !wasStopped;
}

/**
 * Deals with a copy that the manifest no longer asks for: handed over to a sync that wants it, deleted with
 * `removalPolicy: Delete`, else left and forgotten. Null when there was nothing to do.
 */
export async function removeLeftover(
  options: SyncWork &
    Leftover & {
      /** The deletion guard lets it go. */
      readonly isAdmitted: boolean;
      /** Somebody has released its deletion. */
      readonly isReleased: boolean;
    },
): Promise<CopyResult | null> {
  const { world, resolved, copy, entry, target, isAdmitted, isReleased } = options;
  const { spec } = resolved;
  if (target === null && (options.isTwin || isNowhere(copy, entry) || spec.removalPolicy === 'Retain')) {
    await world.ledger.forget(copy);
    return null;
  }
  if (target === null) return null;
  const shouldDelete = spec.removalPolicy === 'Delete';
  const isStopped = shouldDelete && !isReleased && !(isAdmitted && willDelete(resolved, options));
  if (spec.dryRun) {
    const planned = shouldDelete ? (isStopped ? 'guarded' : 'deleted') : 'retained';
    return tell(options, { change: 'dryRun', planned, message: 'no longer asked for' });
  }
  if (world.writes() === 'paused') return null;
  if (!isStopped) {
    const { name, source } = entry;
    const { key, owner: ours } = resolved;
    const owner = options.owner ?? ours;
    const isDue = (latest: CopyRecord | null) => isStillLeft(options, latest);
    const destination = await destinationTo(world, { dest: spec.dest, namespace: resolved.sync.namespace, target });
    const policy = spec.removalPolicy;
    return removeOwn({ ...options, owner, target, name, sync: key, source, policy, isDue, destination });
  }
  const [latest = null] = await world.ledger.get([copy]);
  if (!isStillLeft(options, latest)) return null;
  const { generation } = resolved.sync;
  const [reason, message] = ['DeletionGuard', guardMessage];
  const at = world.now();
  await world.ledger.record(copy, {
    ...entry,
    state: 'guarded',
    reason,
    message,
    stalled: true,
    unwell: true,
    generation,
    at,
  });
  return tell(options, { change: 'guarded', planned: 'deleted', reason, message });
}

/** Whether nobody has asked for the copy again, or changed it, since it was found. */
function isStillLeft({ world, resolved, known }: SyncWork & Leftover, latest: CopyRecord | null): boolean {
  if (isSuperseded(world, resolved) || isBehind(resolved, latest)) return false;
  return latest?.sync === known?.sync && latest?.at === known?.at;
}

/** What became of a copy that the manifest no longer asks for. */
export function tell(
  { world, resolved, copy, entry, target }: SyncWork & Leftover,
  what: Pick<CopyResult, 'change' | 'planned' | 'message'> & { reason?: string },
): CopyResult {
  const result: CopyResult = {
    sync: resolved.key,
    copy,
    store: (target?.scope ?? entry.destination).split(':')[0] as CopyResult['store'],
    destination: entry.destination,
    name: entry.name,
    source: entry.source,
    reason: '',
    ...what,
    fingerprints: { wanted: null, found: entry.valueFingerprint?.slice(0, 8) ?? null },
    retry: null,
    isLeftover: true,
  };
  world.onCopy(result);
  return result;
}
