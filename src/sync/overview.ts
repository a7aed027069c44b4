import { publicMessage } from '../errors.ts';
import type { Observed, Target } from '../sync-targets/contract.ts';
import { parseSourceKey } from './marks.ts';
import type { World, WrittenPlace } from './ports.ts';
import { callStore, heedSlowDown } from './store-call.ts';
import type { SyncWork } from './sync.ts';
import { copyIdOf, type Unit, unitOf, wantCopy } from './unit.ts';
import { openPlace } from './written-places.ts';

/** Everything that a sync selects, or has copies of. */
export interface Overview {
  /** Units by their source. */
  readonly sources: ReadonlyMap<string, Unit>;
  /** Uuids of the mounts that were looked at. */
  readonly mounts: Readonly<Record<string, string>>;
}

/**
 * Lists what a sync selects, folder by folder, and adds the sources of copies that no longer show: each of them is
 * looked up on its own, for an absence must be proven.
 * @throws SyncError when Vault does not list
 */
export async function listSources({ world, resolved, signal }: SyncWork): Promise<Overview> {
  const { vault, namespace, selection } = resolved;
  const reader = world.reader(vault);
  const sources = new Map<string, Unit>();
  const mounts: Record<string, string> = {};
  const add = (mount: string, name: string) => {
    const unit = unitOf(resolved, { namespace, mount, name });
    if (unit) sources.set(unit.source, unit);
  };
  for (const mount of new Set(selection.selectors.map((selector) => selector.mount))) {
    mounts[mount] = (await reader.mount({ namespace, mount }, { fresh: true, signal })).uuid;
    const selectors = selection.selectors.filter((selector) => selector.mount === mount);
    for (const selector of selectors) if (selector.kind === 'literal') add(mount, selector.name);
    for (const prefix of outermost(selectors.flatMap((one) => (one.kind === 'pattern' ? [one.prefix] : [])))) {
      for await (const name of reader.list({ namespace, mount, prefix }, signal)) add(mount, name);
    }
  }
  for await (const { entry } of world.ledger.ofSync(resolved.key)) {
    const { vault: of, places } = parseSourceKey(entry.source);
    const [place] = places;
    if (of === vault && place.namespace === namespace) add(place.mount, place.name);
  }
  return { sources, mounts };
}

/** Prefixes without those that lie below another one. */
function outermost(prefixes: readonly string[]): string[] {
  const distinct = [...new Set(prefixes)];
  return distinct.filter((prefix) => !distinct.some((other) => other !== prefix && prefix.startsWith(other)));
}

/** The targets that a sync's destinations lead to, each once; a destination that leads nowhere is left out. */
export async function targetsOf({ world, resolved }: Pick<SyncWork, 'world' | 'resolved'>): Promise<Target[]> {
  const targets = new Map<string, Target>();
  for (const { destination } of resolved.destinations) {
    // Each copy says for itself what is wrong with its destination.
    const target = await world.target(destination, resolved.sync.namespace).catch(() => null);
    if (target) targets.set(target.scope, target);
  }
  return [...targets.values()];
}

/** Copies of a place that are described in one full reconcile where listings do not tell versions. */
const describedAtOnce = 100;
/** Milliseconds after which the next ones have their turn. */
const turnMs = 10 * 60_000;

/** What the listings of every place that can list have shown, by copy id. */
export interface ListedCopies {
  /** Every copy that bears our mark: what nothing asks for any more shows here. */
  readonly all: ReadonlyMap<string, MarkedCopy>;
  /** Those that are compared by their listing; every other copy is described on its own. */
  readonly compared: ReadonlyMap<string, Observed>;
  /** Why a place was not listed although it can list; the first error stands for all. */
  readonly unlisted: { readonly error: unknown } | null;
  /** Whether a listing alone shows copies that have to go. */
  readonly isNeeded: boolean;
}

/**
 * Lists the copies of a sync, unless it has only a few. Where a listing does not tell versions (GCP), a value that
 * somebody else wrote shows only in a description: some copies are not compared by the listing in turn, so that each is
 * described by and by.
 */
export async function listCopies(
  work: SyncWork,
  { sources, verify }: { readonly sources: ReadonlyMap<string, Unit>; readonly verify: boolean },
): Promise<ListedCopies> {
  const { world, resolved, signal } = work;
  const all = new Map<string, MarkedCopy>();
  const compared = new Map<string, Observed>();
  const isLiteral = resolved.selection.selectors.every(({ kind }) => kind === 'literal');
  const isSingle = isLiteral && sources.size <= 1 && resolved.destinations.every(({ perKey }) => !perKey);
  const hadCopies = (resolved.sync.status?.destinations ?? []).length > 0;
  const isNeeded = hadCopies && (await mayHideGone(work, isLiteral));
  let unlisted: ListedCopies['unlisted'] = null;
  if ((!verify || isSingle) && !isNeeded) return { all, compared, unlisted, isNeeded };
  for (const target of await targetsOf(work)) {
    try {
      const found: Observed[] = [];
      for await (const observed of listOwn(target, { world, owner: resolved.owner, signal })) found.push(observed);
      const turns = target.listsVersions === false ? Math.ceil(found.length / describedAtOnce) : 0;
      const turn = Math.floor(world.now() / turnMs) % Math.max(1, turns);
      for (const [index, observed] of found.entries()) {
        const copy = copyIdOf(target, observed.name);
        all.set(copy, { observed, target });
        const isLeftOut = observed.existence === 'live' && index % turns === turn;
        if (!isLeftOut) compared.set(copy, observed);
      }
    } catch (error) {
      // Without it (no permission, throttled) each copy that is known is described; what only its mark tells of is left to the next.
      unlisted ??= { error };
    }
  }
  return { all, compared, unlisted, isNeeded };
}

const sweptFact = 'swept';

/**
 * Whether only a listing shows copies that have to go: those that a new manifest does not ask for any more, and, where the ledger
 * was lost, those of which no record tells and whose secret no list of Vault's shows.
 */
async function mayHideGone({ world, resolved }: SyncWork, isLiteral: boolean): Promise<boolean> {
  const { removalPolicy, deletionPolicy } = resolved.spec;
  const swept = await world.ledger.recall(resolved.key, sweptFact);
  if (removalPolicy === 'Delete' && swept !== lifeOf(resolved)) return true;
  return deletionPolicy === 'Delete' && !isLiteral && swept === null;
}

export async function rememberSweep({ world, resolved }: SyncWork): Promise<void> {
  const life = lifeOf(resolved);
  if ((await world.ledger.recall(resolved.key, sweptFact)) === life) return;
  await world.ledger.remember(resolved.key, sweptFact, life);
}

function lifeOf({ sync }: SyncWork['resolved']): string {
  return `${sync.createdAt} ${sync.generation}`;
}

/** Every copy in a place that bears an owner's mark; nothing where the store cannot list. @throws whatever listing throws */
export async function* listOwn(
  target: Target,
  { world, owner, signal }: { world: Pick<World, 'budgets'>; owner: string; signal: AbortSignal },
): AsyncGenerator<Observed> {
  const { list } = target;
  if (!list) return;
  // The whole listing is one call of the budget; its pages have no common time limit.
  const pages = await callStore({
    world,
    target,
    kind: 'list',
    label: `listing ${target.scope}`,
    backfill: true,
    signal,
    call: async () => list.call(target, owner, signal),
  });
  try {
    yield* pages;
  } catch (error) {
    await heedSlowDown({ world, target, kind: 'list' }, error);
    throw error;
  }
}

/** A copy that bears a mark of ours, by its id. */
export type Marked = [string, MarkedCopy];

export interface MarkedCopy {
  readonly observed: Observed;
  readonly target: Target;
}

/** Copies in a place that bear the sync's mark, or why they could not be looked for. */
export async function ownIn(
  { world, owner, namespace, signal }: { world: World; owner: string; namespace: string; signal: AbortSignal },
  place: WrittenPlace,
): Promise<{ marked: Marked[]; unswept: string | null }> {
  const marked: Marked[] = [];
  try {
    const target = await openPlace(world, namespace, place);
    if (!target)
      return { marked, unswept: `nothing leads to ${place.destination} any more: what bears our mark there stays` };
    if (!target.list) return { marked, unswept: `${place.destination} cannot list: what bears our mark there stays` };
    for await (const observed of listOwn(target, { world, owner, signal })) {
      marked.push([copyIdOf(target, observed.name), { observed, target }]);
    }
    return { marked, unswept: null };
  } catch (error) {
    return { marked, unswept: publicMessage(error) };
  }
}

/**
 * Copies that several secrets of one sync would meet in, by id, each with the sources in the order of their right to it.
 * Known before anything is written, as far as names do not follow from what Vault says. The one that has the copy keeps
 * it, else the first by its source; of those that are gone the next one takes its place.
 */
export async function meetingsOf(
  { world, resolved }: SyncWork,
  units: ReadonlyMap<string, Unit>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (units.size < 2) return new Map();
  const first = new Map<string, string>();
  const meetings = new Map<string, string[]>();
  for (const into of resolved.destinations) {
    const target = into.late ? null : await world.target(into.destination, resolved.sync.namespace).catch(() => null);
    if (!target) continue;
    for (const unit of units.values()) {
      const id = idOf(() => wantCopy({ unit, into, target, content: null, key: null, allows: world.allows }).id);
      if (id === null) continue;
      const other = first.get(id);
      if (other === undefined) first.set(id, unit.source);
      else if (other !== unit.source) meetings.set(id, [...(meetings.get(id) ?? [other]), unit.source]);
    }
  }
  const ids = [...meetings.keys()];
  const records = await world.ledger.get(ids);
  for (const [index, id] of ids.entries()) {
    const record = records[index];
    const holder = record?.sync === resolved.key && record.state === 'synced' ? record.source : null;
    const rank = (source: string) => (source === holder ? 0 : 1);
    meetings.get(id)?.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
  }
  return meetings;
}

/** A copy that cannot be named meets no other; it says so for itself later. */
function idOf(name: () => string): string | null {
  try {
    return name();
  } catch {
    return null;
  }
}
