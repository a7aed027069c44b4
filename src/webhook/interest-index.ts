import { compilePattern, type Pattern } from '../paths/patterns.ts';
import { possibleSplits, readingsOf, type Split } from '../paths/places.ts';
import type { Interest, InterestEntry } from '../state/contract.ts';

/** Where a change was heard of; `mount: null` when the entry did not tell. */
export interface HeardPlace {
  readonly vault: string;
  readonly namespace: string;
  readonly mount: string | null;
  /** With the mount, as in the audit entry. */
  readonly path: string;
}

/** A secret that a path can mean. */
export interface SecretPlace {
  readonly mount: string;
  readonly name: string;
  readonly kvVersion: 1 | 2;
}

/** The published interest, made ready to be asked. What a question costs does not depend on the number of syncs. */
export interface InterestIndex {
  readonly revision: number;
  /** The secrets meant by a path that somebody selects, under both KV readings where the version is not known. */
  match(place: HeardPlace): SecretPlace[];
  /** Whether somebody selects anything in a mount; `mount: ''`: in a namespace or below it. */
  selectsWithin(place: { readonly vault: string; readonly namespace: string; readonly mount: string }): boolean;
  kvVersion(vault: string, namespace: string, mount: string): 1 | 2 | null;
  /** Patterns by their text, for the next revision to take over. */
  readonly patterns: ReadonlyMap<string, LazyPattern>;
}

/** Builds the index of one revision. Patterns that `previous` has compiled are not compiled again. */
export function buildInterestIndex(interest: Interest, previous: InterestIndex | null): InterestIndex {
  const patterns = new Map<string, LazyPattern>();
  const patternOf = (text: string): LazyPattern => {
    const pattern = patterns.get(text) ?? previous?.patterns.get(text) ?? new LazyPattern(text);
    patterns.set(text, pattern);
    return pattern;
  };
  const vaults = new Map<string, Map<string, Map<string, MountInterest>>>();
  for (const entry of interest.entries) {
    const namespaces = getOrAdd(vaults, entry.vault, () => new Map<string, Map<string, MountInterest>>());
    const mounts = getOrAdd(namespaces, entry.namespace, () => new Map<string, MountInterest>());
    getOrAdd(mounts, entry.mount, () => new MountInterest()).add(entry, patternOf);
  }
  const kvVersion = (vault: string, namespace: string, mount: string): 1 | 2 | null =>
    interest.kvVersions[JSON.stringify([vault, namespace, mount])] ?? null;

  return {
    revision: interest.revision,
    patterns,
    kvVersion,
    match({ vault, namespace, mount, path }) {
      const mounts = vaults.get(vault)?.get(namespace);
      if (!mounts) return [];
      const places: SecretPlace[] = [];
      for (const split of splitsOf(mount, path)) {
        const wanted = mounts.get(split.mount);
        if (!wanted) continue;
        for (const reading of readingsOf(split.relative, kvVersion(vault, namespace, split.mount))) {
          if (wanted.selects(reading.name)) places.push({ mount: split.mount, ...reading });
        }
      }
      return places;
    },
    selectsWithin({ vault, namespace, mount }) {
      const namespaces = vaults.get(vault);
      if (mount !== '') return namespaces?.get(namespace)?.has(mount) ?? false;
      const below = namespace === '' ? '' : `${namespace}/`;
      return [...(namespaces?.keys() ?? [])].some((known) => known === namespace || known.startsWith(below));
    },
  };
}

/** Every secret that a path can mean, wanted or not: for when nothing is known of what is wanted. */
export function placesOf({ mount, path }: HeardPlace): SecretPlace[] {
  return splitsOf(mount, path).flatMap((split) =>
    readingsOf(split.relative, null).map((reading) => ({ mount: split.mount, ...reading })),
  );
}

function splitsOf(mount: string | null, path: string): Split[] {
  return mount === null ? possibleSplits(path) : [{ mount, relative: path.slice(mount.length + 1) }];
}

/** Compiled when first asked. */
class LazyPattern {
  readonly #text: string;
  #pattern: Pattern | null | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  test(name: string): boolean {
    if (this.#pattern === undefined) this.#pattern = compileOrNull(this.#text);
    // A pattern that this version cannot compile selects too much rather than too little: the operator looks again.
    return this.#pattern?.test(name) ?? true;
  }
}

function compileOrNull(text: string): Pattern | null {
  try {
    return compilePattern(text);
  } catch {
    return null;
  }
}

/** The patterns that begin with the same literal characters. */
interface Head {
  /** One of them takes every name that begins so. */
  everything: boolean;
  readonly patterns: Set<LazyPattern>;
}

/** What is selected in one mount. */
class MountInterest {
  readonly #literals = new Set<string>();
  readonly #heads = new Map<string, Head>();
  /** The different lengths among the heads, shortest first: one look-up each finds every head of a name. */
  #lengths: number[] = [];

  add(entry: InterestEntry, patternOf: (text: string) => LazyPattern): void {
    if (entry.literal !== null) {
      this.#literals.add(entry.literal);
      return;
    }
    const text = entry.pattern ?? '.*';
    const start = literalHead(text, entry.prefix);
    const head = getOrAdd(this.#heads, start, () => ({ everything: false, patterns: new Set<LazyPattern>() }));
    if (text === `${start}.*`) head.everything = true;
    else head.patterns.add(patternOf(text));
    if (!this.#lengths.includes(start.length)) {
      this.#lengths = [...this.#lengths, start.length].sort((left, right) => left - right);
    }
  }

  selects(name: string): boolean {
    if (this.#literals.has(name)) return true;
    for (const length of this.#lengths) {
      if (length > name.length) return false;
      const head = this.#heads.get(name.slice(0, length));
      if (!head) continue;
      if (head.everything) return true;
      for (const pattern of head.patterns) if (pattern.test(name)) return true;
    }
    return false;
  }
}

/** The characters that every match begins with, as far as they can be told without parsing; at least `prefix`. */
function literalHead(pattern: string, prefix: string): string {
  if (pattern.includes('|')) return prefix;
  const end = pattern.search(/[[\](){}+*?|.^$\\]/);
  if (end < 0) return pattern;
  const literal = pattern.slice(0, end);
  // A quantifier makes the character before it (one or two UTF-16 units) optional.
  const head = /[{+*?]/.test(pattern.charAt(end)) ? Array.from(literal).slice(0, -1).join('') : literal;
  return head.startsWith(prefix) ? head : prefix;
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
