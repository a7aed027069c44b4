import type { World } from './ports.ts';
import type { ResolvedSync } from './resolve.ts';
import { unitOf, wantCopy } from './unit.ts';

/**
 * Ids of the copies that a sync wants as far as its manifest alone tells: those of paths that are written out, under
 * names that do not follow from what Vault says. What cannot be named, or is not allowed, is not wanted.
 */
export async function literalCopies(
  world: Pick<World, 'target' | 'allows'>,
  resolved: ResolvedSync,
): Promise<string[]> {
  const ids = new Set<string>();
  for (const selector of resolved.selection.selectors) {
    if (selector.kind !== 'literal') continue;
    const unit = unitOf(resolved, { namespace: resolved.namespace, mount: selector.mount, name: selector.name });
    if (!unit) continue;
    for (const into of resolved.destinations) {
      if (into.late) continue;
      try {
        const target = await world.target(into.destination, resolved.sync.namespace);
        ids.add(wantCopy({ unit, into, target, content: null, key: null, allows: world.allows }).id);
      } catch {
        // Its own reconcile says why.
      }
    }
  }
  return [...ids];
}
