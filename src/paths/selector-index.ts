import { type IndexedPattern, NameIndex } from './name-index.ts';
import { isExcluded, type Selection } from './selection.ts';
import type { LiteralSelector } from './selector.ts';

/** Finds what selects a name without asking everything: what it costs does not grow with the number of selectors. */
export interface SelectorIndex<T> {
  /** An item may be added with several selectors. */
  add(place: Place, selector: IndexedSelector, item: T): void;
  /** Adds an item with every selector of a selection; it is then found only where it is not excluded. */
  addSelection(place: Place, selection: Selection, item: T): void;
  /** Every item with a selector that takes the name, each once. */
  find(place: MountPlace, name: string): T[];
  /** Whether any selector takes a name of this mount, excluded or not; null when nothing is selected in it. */
  namesIn(place: MountPlace): { has(name: string): boolean } | null;
  /** Mounts that something is selected in. */
  mounts(place: Place): IterableIterator<string>;
  /** Namespaces of a Vault that something is selected in. */
  namespaces(vault: string): string[];
}

export interface Place {
  /** Name of the Vault. */
  readonly vault: string;
  /** Vault namespace; '' is the root. */
  readonly namespace: string;
}

export interface MountPlace extends Place {
  readonly mount: string;
}

/** A `Selector`, or as much of one as finding needs. */
export type IndexedSelector = LiteralSelector | (IndexedPattern & { readonly kind: 'pattern'; readonly mount: string });

export function createSelectorIndex<T>(): SelectorIndex<T> {
  const vaults = new Map<string, Map<string, Map<string, NameIndex<T>>>>();
  const exclusions = new Map<T, Selection>();
  const mountsOf = ({ vault, namespace }: Place) => vaults.get(vault)?.get(namespace);
  const index: SelectorIndex<T> = {
    add({ vault, namespace }, selector, item) {
      const namespaces = getOrAdd(vaults, vault, () => new Map<string, Map<string, NameIndex<T>>>());
      const mounts = getOrAdd(namespaces, namespace, () => new Map<string, NameIndex<T>>());
      const names = getOrAdd(mounts, selector.mount, () => new NameIndex<T>());
      if (selector.kind === 'literal') names.addLiteral(selector.name, item);
      else names.addPattern(selector, item);
    },
    addSelection(place, selection, item) {
      for (const selector of selection.selectors) index.add(place, selector, item);
      if (selection.excluded.length > 0) exclusions.set(item, selection);
    },
    find(place, name) {
      const found = mountsOf(place)?.get(place.mount)?.find(name);
      if (!found) return [];
      return [...found].filter((item) => {
        const selection = exclusions.get(item);
        return selection === undefined || !isExcluded(selection, place.mount, name);
      });
    },
    namesIn: (place) => mountsOf(place)?.get(place.mount) ?? null,
    mounts: (place) => (mountsOf(place) ?? new Map<string, never>()).keys(),
    namespaces: (vault) => [...(vaults.get(vault)?.keys() ?? [])],
  };
  return index;
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
