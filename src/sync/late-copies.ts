import type { Target } from '../sync-targets/contract.ts';
import type { JsonObject } from '../vault/json.ts';
import { type KnownCopies, type KnownCopy, recallCopies, rememberCopies } from './known-copies.ts';
import type { Candidate } from './outcome.ts';
import type { World } from './ports.ts';
import type { UnitReading } from './reading.ts';
import { refusedId, sameCopyTwice } from './refused.ts';
import type { Content } from './render.ts';
import type { ResolvedDestination } from './resolve.ts';
import { type Unit, wantCopy } from './unit.ts';

/**
 * Copies whose number and names follow from what Vault says: one for each key, or named after metadata. Which of them
 * there are is remembered with the sync before the first is written, so that the one whose key is gone is found.
 */
export interface LateUnit {
  readonly unit: Unit;
  /** The destinations of the sync that are so. */
  readonly targets: readonly { readonly into: ResolvedDestination; readonly target: Target }[];
  /** Copies that other destinations of the sync lead to already. */
  readonly ids: ReadonlySet<string>;
}

/** What is leased while a unit is read: nobody else names its copies meanwhile. */
export function lateLeaseOf({ unit }: LateUnit): string {
  return `unit:${JSON.stringify([unit.resolved.key, unit.source])}`;
}

interface Refused {
  readonly into: ResolvedDestination;
  readonly source: string;
  readonly key: string | null;
  readonly error: unknown;
}

export interface NamedCopies {
  /** Each with what Vault says of it: a copy whose key is gone has lost its source. */
  readonly copies: readonly { readonly candidate: Candidate; readonly reading: UnitReading }[];
  readonly refused: readonly Refused[];
  /** There are copies that are not asked for any more although their source is there. */
  readonly hasLeftovers: boolean;
  /** What is remembered of all of them until they have been worked on; see `settleCopies`. */
  readonly known: KnownCopies;
}

/** Names the copies of a unit that has been read. */
export async function lateCopies(
  world: World,
  options: {
    readonly lateUnit: LateUnit;
    readonly reading: UnitReading;
    readonly content: () => Content;
    /** Copies of keys whose marks tell that they were made of this unit; some may be remembered as well. */
    readonly marked: readonly KnownCopy[];
  },
): Promise<NamedCopies> {
  const { lateUnit, reading, content, marked } = options;
  const { unit } = lateUnit;
  const { resolved, source } = unit;
  const { read } = reading;
  const recalled = await recallCopies(world.ledger, resolved.key, source);
  const ids = new Set(recalled.copies.map(({ id }) => id));
  const forgotten = marked.filter((copy) => !ids.has(copy.id) && isNamedSo(world, lateUnit, copy));
  const before = { ...recalled, copies: [...recalled.copies, ...forgotten] };
  const isSelected = read.found && resolved.selectsMetadata?.(read.customMetadata) !== false;
  const { wanted, refused } = isSelected
    ? nameAll(world, { ...lateUnit, content, known: before.copies })
    : { wanted: new Map<string, Candidate>(), refused: [] };
  const copies = [...wanted.values()].map((candidate) => ({ candidate, reading }));
  const others = before.copies.filter(({ id }) => !wanted.has(id));
  const records = await world.ledger.get(others.map(({ id }) => id));
  const kept: KnownCopy[] = [];
  let hasLeftovers = false;
  for (const [index, copy] of others.entries()) {
    const record = records[index] ?? null;
    const isOurs = record === null ? copy.begun : record.sync === resolved.key && record.source === source;
    if (!isOurs) continue;
    // Where not everything could be named, nobody knows which of the others is still meant.
    const isLost = refused.length === 0 && (!read.found || (isSelected && isGone(copy, read.data)));
    const lost = isLost ? lostCopy(lateUnit, copy) : null;
    if (lost) copies.push({ candidate: lost, reading: read.found ? keyIsGone(reading) : reading });
    else if (refused.length === 0) hasLeftovers ||= record?.state !== 'deleted';
    // Without a record nothing but its mark tells of a copy that is not asked for any more.
    if (lost || refused.length > 0 || record !== null) kept.push(copy);
  }
  const known = {
    copies: [...knownOf(wanted, { before, content }), ...kept].sort((one, other) => (one.id < other.id ? -1 : 1)),
    complaints: refused.map((one) => refusedId(resolved, one)).sort(),
  };
  for (const complaint of before.complaints) {
    if (!known.complaints.includes(complaint)) await world.ledger.forget(complaint);
  }
  await rememberCopies(world.ledger, resolved.key, { source, before: recalled, after: known });
  return { copies, refused, hasLeftovers, known };
}

/** Notes that all copies but the open ones have been worked on: of what turned out not to be there nothing is remembered. */
export async function settleCopies(
  world: World,
  options: { readonly lateUnit: LateUnit; readonly named: NamedCopies; readonly open: readonly string[] },
): Promise<void> {
  const { lateUnit, named, open } = options;
  const { resolved, source } = lateUnit.unit;
  const before = named.known;
  const isBegun = ({ id, begun }: KnownCopy) => begun && !open.includes(id);
  if (!before.copies.some(isBegun)) return;
  const isWanted = new Map(named.copies.map(({ candidate, reading }) => [candidate.wanted.id, reading.read.found]));
  const records = await world.ledger.get(before.copies.map(({ id }) => id));
  const copies = before.copies
    .filter((copy, index) => !isBegun(copy) || isWanted.get(copy.id) || records[index] != null)
    .map((copy): KnownCopy => (isBegun(copy) ? withoutBegun(copy) : copy));
  await rememberCopies(world.ledger, resolved.key, { source, before, after: { ...before, copies } });
}

/**
 * Whether the manifest would give a copy of a key, which only its mark tells of, this very name: one that it has left behind, under
 * another name, is none of the unit any more. A name that follows from metadata cannot be made without them.
 */
function isNamedSo(world: World, { unit, targets }: LateUnit, { id, from }: KnownCopy): boolean {
  if (from === null) return false;
  const keys = Object.keys(unit.resolved.chooseKeys({ [from]: '' }));
  return targets.some(({ into, target }) => {
    if (!into.perKey) return false;
    const options = { unit, into, target, content: null, allows: world.allows };
    return keys.some((key) => hasId(() => wantCopy({ ...options, key }).id, id));
  });
}

function hasId(nameCopy: () => string, id: string): boolean {
  try {
    return nameCopy() === id;
  } catch {
    return false;
  }
}

function withoutBegun({ begun: _, ...copy }: KnownCopy): KnownCopy {
  return copy;
}

function nameAll(
  world: World,
  options: LateUnit & { readonly content: () => Content; readonly known: readonly KnownCopy[] },
): { wanted: Map<string, Candidate>; refused: Refused[] } {
  const { unit, targets, ids, content, known } = options;
  const { resolved, source } = unit;
  const holders = new Map(known.map(({ id, key }) => [id, key]));
  const wanted = new Map<string, Candidate>();
  const refused: Refused[] = [];
  for (const { into, target } of targets) {
    let keys: readonly (string | null)[] = [null];
    try {
      if (into.perKey) keys = content().keys;
    } catch (error) {
      refused.push({ into, source, key: null, error });
      continue;
    }
    for (const key of keys) {
      try {
        const copy = wantCopy({ unit, into, target, content: content(), key, allows: world.allows });
        const other = wanted.get(copy.id)?.wanted;
        // Of two that would meet, the one that has the copy keeps it, else the first.
        const isHeld = other !== undefined && other.key !== key && holders.get(copy.id) === key;
        if (isHeld) refused.push({ ...other, error: sameCopyTwice(resolved, other) });
        else if (other || ids.has(copy.id)) throw sameCopyTwice(resolved, copy);
        wanted.set(copy.id, { resolved, unit, wanted: copy });
      } catch (error) {
        refused.push({ into, source, key, error });
      }
    }
  }
  return { wanted, refused };
}

function knownOf(
  wanted: ReadonlyMap<string, Candidate>,
  { before, content }: { readonly before: KnownCopies; readonly content: () => Content },
): KnownCopy[] {
  const known = new Map(before.copies.map((copy) => [copy.id, copy]));
  return [...wanted.values()].map(({ wanted: { id, target, name, key } }) => {
    const from = key === null ? null : content().originOf(key);
    const isBegun = known.get(id)?.begun ?? !known.has(id);
    return { id, destination: target.scope, name, key, from, ...(isBegun ? { begun: true } : {}) };
  });
}

/** Whether the key that a copy was made of is certainly gone: the secret was read, and lacks it under its own name. */
function isGone({ from }: KnownCopy, data: JsonObject): boolean {
  return from !== null && !Object.hasOwn(data, from);
}

/** A copy that was made before, as the destination that leads to its place would have it; null when none does any more. */
function lostCopy({ unit, targets }: LateUnit, copy: KnownCopy): Candidate | null {
  const found = targets.find(
    ({ into, target }) => target.scope === copy.destination && into.perKey === (copy.key !== null),
  );
  if (!found) return null;
  const { into, target } = found;
  const { id, name, key } = copy;
  return { resolved: unit.resolved, unit, wanted: { id, target, into, name, source: unit.source, key } };
}

/** A successful read without the key is a proof that the key is gone. */
function keyIsGone(reading: UnitReading): UnitReading {
  const { version, createdTime } = reading.read;
  return { ...reading, read: { found: false, because: 'deleted', version, createdTime, mountUuid: null } };
}
