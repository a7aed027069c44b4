import type { KnownCopy } from './known-copies.ts';
import { readRef } from './marks.ts';
import type { MarkedCopy } from './overview.ts';
import type { ResolvedSync } from './resolve.ts';
import { type Unit, unitOf } from './unit.ts';

/** What the marks of listed copies tell of their sources. */
export interface MarkedSources {
  /** The sources that were known, and those that only marks tell of. */
  readonly sources: ReadonlyMap<string, Unit>;
  /** By source, the copies of its keys: of those nothing else may be known. */
  readonly copies: ReadonlyMap<string, readonly KnownCopy[]>;
}

/**
 * Finds the secrets that copies were made of, as far as the manifest selects them by their paths. Some show neither in Vault's
 * lists nor in the ledger any more: each is looked up on its own then, so that a deletion is followed although nobody
 * remembers the copy. Pure.
 */
export function markedSources(
  resolved: ResolvedSync,
  known: ReadonlyMap<string, Unit>,
  marked: ReadonlyMap<string, MarkedCopy>,
): MarkedSources {
  const forgotten = new Map<string, Unit>();
  const copies = new Map<string, KnownCopy[]>();
  const perKey = resolved.destinations.some((into) => into.perKey);
  for (const [id, { observed, target }] of marked) {
    const ref = observed.ref === null || observed.existence !== 'live' ? null : readRef(observed.ref);
    const unit = ref && selectedAt(resolved, ref.path);
    if (!unit) continue;
    if (!known.has(unit.source)) forgotten.set(unit.source, unit);
    const { key } = ref;
    if (!perKey || key === null) continue;
    // What transforms make of the key says nothing here: it is known by the name that Vault has for it.
    const copy: KnownCopy = { id, destination: target.scope, name: observed.name, key, from: key, begun: true };
    const others = copies.get(unit.source);
    if (others) others.push(copy);
    else copies.set(unit.source, [copy]);
  }
  return { sources: forgotten.size === 0 ? known : new Map([...known, ...forgotten]), copies };
}

/** The unit at `<mount>/<path>`; null where the manifest selects none. */
function selectedAt(resolved: ResolvedSync, path: string): Unit | null {
  const { namespace, selection } = resolved;
  for (const mount of new Set(selection.selectors.map((selector) => selector.mount))) {
    if (!path.startsWith(`${mount}/`)) continue;
    const unit = unitOf(resolved, { namespace, mount, name: path.slice(mount.length + 1) });
    if (unit) return unit;
  }
  return null;
}
