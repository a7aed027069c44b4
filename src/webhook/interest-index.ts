import { compilePattern, type Pattern } from '../paths/patterns.ts';
import { possibleSplits, type Reading, readingsOf, type Split } from '../paths/places.ts';
import { type RequiredTexts, requiredTexts } from '../paths/required-texts.ts';
import { createSelectorIndex } from '../paths/selector-index.ts';
import type { Interest } from '../state/contract.ts';

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
  /** Whether a change of a path may be one that somebody wants, whatever its mount. */
  mayWant(place: Omit<HeardPlace, 'mount'>): boolean;
  /** Whether somebody selects anything in a mount; `mount: ''`: in a namespace or below it. */
  selectsWithin(place: { readonly vault: string; readonly namespace: string; readonly mount: string }): boolean;
  kvVersion(vault: string, namespace: string, mount: string): 1 | 2 | null;
  /** Patterns by their text, for the next revision to take over. */
  readonly patterns: ReadonlyMap<string, LazyPattern>;
}

/** Some milliseconds' work, until the process has had its time for everything else. */
const entriesAtOnce = 200;

/** Builds the index of one revision, at once. Patterns that `previous` has compiled are not compiled again. */
export function buildInterestIndex(interest: Interest, previous: InterestIndex | null): InterestIndex {
  const steps = indexInSteps(interest, previous);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** The same, with a stop now and then: of ten thousand syncs it takes 100 ms, in which senders would wait for an answer. */
export function* indexInSteps(interest: Interest, previous: InterestIndex | null): Generator<void, InterestIndex> {
  const patterns = new Map<string, LazyPattern>();
  const patternOf = (text: string): LazyPattern => {
    const pattern = patterns.get(text) ?? previous?.patterns.get(text) ?? new LazyPattern(text);
    patterns.set(text, pattern);
    return pattern;
  };
  const index = createSelectorIndex<true>();
  for (const [at, entry] of interest.entries.entries()) {
    if (at > 0 && at % entriesAtOnce === 0) yield;
    const { mount, literal, prefix } = entry;
    if (literal !== null) index.add(entry, { kind: 'literal', mount, name: literal }, true);
    else {
      const pattern = patternOf(entry.pattern ?? '.*');
      const { text, required } = pattern;
      index.add(entry, { kind: 'pattern', mount, text, prefix, required, pattern }, true);
    }
  }
  const kvVersion = (vault: string, namespace: string, mount: string): 1 | 2 | null =>
    interest.kvVersions[JSON.stringify([vault, namespace, mount])] ?? null;
  const wantedIn = (vault: string, namespace: string, { mount, relative }: Split): Reading[] => {
    const wanted = index.namesIn({ vault, namespace, mount });
    if (!wanted) return [];
    return readingsOf(relative, kvVersion(vault, namespace, mount)).filter(({ name }) => wanted.has(name));
  };

  return {
    revision: interest.revision,
    patterns,
    kvVersion,
    match({ vault, namespace, mount, path }) {
      return splitsOf(mount, path).flatMap((split) =>
        wantedIn(vault, namespace, split).map((reading) => ({ mount: split.mount, ...reading })),
      );
    },
    mayWant({ vault, namespace, path }) {
      return possibleSplits(path).some((split) => {
        const { mount, relative } = split;
        // Such a write may set up the mount.
        if (relative === 'config' && index.namesIn({ vault, namespace, mount })) return true;
        return wantedIn(vault, namespace, split).length > 0;
      });
    },
    selectsWithin({ vault, namespace, mount }) {
      if (mount !== '') return index.namesIn({ vault, namespace, mount }) !== null;
      const below = namespace === '' ? '' : `${namespace}/`;
      return index.namespaces(vault).some((known) => known === namespace || known.startsWith(below));
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

/** Read and compiled when first asked. */
class LazyPattern {
  readonly text: string;
  #required: RequiredTexts | null = null;
  #pattern: Pattern | null | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get required(): RequiredTexts {
    this.#required ??= requiredTexts(this.text);
    return this.#required;
  }

  test(name: string): boolean {
    if (this.#pattern === undefined) this.#pattern = compileOrNull(this.text);
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
