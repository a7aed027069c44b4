import { type Selected, selectSecret } from '../paths/selection.ts';
import type { Target } from '../sync-targets/contract.ts';
import type { SecretPlace } from '../vault/contract.ts';
import { sourceKeyOf } from './marks.ts';
import type { NamingParts } from './naming/text.ts';
import type { PolicyCheck } from './policies.ts';
import type { ResolvedDestination, ResolvedSync } from './resolve.ts';
import { roleToAllow } from './written-places.ts';

/** What one sync makes copies of: one secret, or those that it merges into one. */
export interface Unit {
  readonly resolved: ResolvedSync;
  readonly places: readonly [SecretPlace, ...SecretPlace[]];
  /** One text for the places, see `sourceKeyOf`. */
  readonly source: string;
  readonly selected: Selected;
}

/** What a sync captures from a secret; null when it does not select it by its path. Pure. */
export function selectPath(resolved: ResolvedSync, mount: string, name: string): Selected | null {
  const selected = selectSecret(resolved.selection, mount, name);
  return selected !== null && resolved.filter(`${mount}/${name}`) ? selected : null;
}

/** The unit that a secret belongs to; null when the sync does not select it by its path. Pure. */
export function unitOf(resolved: ResolvedSync, place: SecretPlace): Unit | null {
  const { vault, namespace, selection, spec } = resolved;
  if (namespace !== place.namespace) return null;
  const selected = selectPath(resolved, place.mount, place.name);
  if (!selected) return null;
  if (!spec.source.merge) return { resolved, places: [place], source: sourceKeyOf(vault, [place]), selected };
  const [first, ...rest] = selection.selectors.flatMap((selector) =>
    selector.kind === 'literal' && selectPath(resolved, selector.mount, selector.name)
      ? [{ namespace, mount: selector.mount, name: selector.name }]
      : [],
  );
  if (!first) return null;
  return { resolved, places: [first, ...rest], source: sourceKeyOf(vault, [first, ...rest]), selected };
}

/** What is known of a unit once Vault was read. */
export interface UnitContent {
  readonly keys: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What names and tags of a unit's copies are made of. `content` null: Vault was not read yet. Pure. */
export function namingPartsOf(unit: Unit, content: UnitContent | null, key: string | null): NamingParts {
  const { selected, places, resolved } = unit;
  const { selector, captures } = selected;
  const [{ mount, name }] = places;
  const { namespace, name: syncName } = resolved.sync;
  return {
    selector,
    captures,
    mount,
    name,
    key,
    keys: content?.keys ?? null,
    metadata: content?.metadata ?? null,
    sync: { namespace, name: syncName },
  };
}

/** One copy that a sync wants. */
export interface WantedCopy {
  /** Tells copies apart across all syncs. */
  readonly id: string;
  readonly target: Target;
  readonly into: ResolvedDestination;
  readonly name: string;
  readonly source: string;
  /** The key that it is made of, with `granularity: key`. */
  readonly key: string | null;
}

/**
 * Names one copy of a unit, and asks the policies whether it may be. Pure.
 * @throws SyncError `FixSpec` for names that the store cannot hold, and for what no policy allows
 */
export function wantCopy(options: {
  readonly unit: Unit;
  readonly into: ResolvedDestination;
  readonly target: Target;
  readonly content: UnitContent | null;
  readonly key: string | null;
  readonly allows: PolicyCheck;
}): WantedCopy {
  const { unit, into, target, content, key, allows } = options;
  const { resolved, places, source } = unit;
  const { text, derived } = into.name.expand(namingPartsOf(unit, content, key));
  const name = target.nameOf(text, { derived, naming: into.naming });
  for (const place of places) {
    const denied = allows({
      namespace: resolved.sync.namespace,
      vault: resolved.vault,
      path: [place.namespace, place.mount, place.name].filter((part) => part !== '').join('/'),
      destination: `${target.scope}/${name}`,
      role: roleToAllow(into.destination.aws ?? {}),
    });
    if (denied) throw denied;
  }
  return { id: copyIdOf(target, name), target, into, name, source, key };
}

/** Tells copies apart across all syncs. */
export function copyIdOf(target: Target, name: string): string {
  return `${target.scope}/${target.identityOf(name)}`;
}
