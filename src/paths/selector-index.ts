import { matchName, type Selector } from './selector.ts';

/** Finds what selects a name without asking everything: its cost does not grow with the number of selectors. */
export interface SelectorIndex<T> {
  add(place: Place, selector: Selector, item: T): void;
  /** Every item whose selector matches the name. */
  find(place: Place & { readonly mount: string }, name: string): T[];
  /** Mounts that something is selected in. */
  mounts(place: Place): IterableIterator<string>;
}

export interface Place {
  /** Name of the Vault. */
  readonly vault: string;
  /** Vault namespace; '' is the root. */
  readonly namespace: string;
}

interface MountIndex<T> {
  readonly literals: Map<string, T[]>;
  /** Patterns by the folders that all their matches lie below. */
  readonly patterns: Map<string, { readonly selector: Selector; readonly item: T }[]>;
}

export function createSelectorIndex<T>(): SelectorIndex<T> {
  const places = new Map<string, Map<string, MountIndex<T>>>();
  const mountsOf = (place: Place) => places.get(placeKey(place));
  return {
    add(place, selector, item) {
      const mounts = mountsOf(place) ?? new Map<string, MountIndex<T>>();
      places.set(placeKey(place), mounts);
      const mount = mounts.get(selector.mount) ?? { literals: new Map(), patterns: new Map() };
      mounts.set(selector.mount, mount);
      if (selector.kind === 'literal') append(mount.literals, selector.name, item);
      else append(mount.patterns, selector.prefix, { selector, item });
    },
    find(place, name) {
      const mount = mountsOf(place)?.get(place.mount);
      if (!mount) return [];
      const found = [...(mount.literals.get(name) ?? [])];
      if (mount.patterns.size === 0) return found;
      for (let end = 0; end >= 0; end = name.indexOf('/', end) + 1 || -1) {
        for (const { selector, item } of mount.patterns.get(name.slice(0, end)) ?? []) {
          if (matchName(selector, name)) found.push(item);
        }
      }
      return found;
    },
    mounts: (place) => (mountsOf(place) ?? new Map<string, MountIndex<T>>()).keys(),
  };
}

function placeKey({ vault, namespace }: Place): string {
  return JSON.stringify([vault, namespace]);
}

function append<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const items = map.get(key);
  if (items) items.push(item);
  else map.set(key, [item]);
}
