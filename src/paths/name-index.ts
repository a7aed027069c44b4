import { RE2JS } from 're2js';
import type { RequiredTexts } from './required-texts.ts';
import { TextTree } from './text-tree.ts';

/** A pattern as an index needs it. */
export interface IndexedPattern {
  /** RE2 over whole names. */
  readonly text: string;
  /** Folders that every match lies below: '' or ending in '/'. */
  readonly prefix: string;
  readonly required: RequiredTexts;
  readonly pattern: { test(name: string): boolean };
}

interface Entry<T> {
  readonly test: (name: string) => boolean;
  readonly items: T[];
}

/**
 * What is selected among the names of one mount. A question costs the same however much is selected: a pattern is only
 * tested when the name holds a text that each of its matches must hold (see `RequiredTexts`), and of several such texts
 * a pattern is kept under the one that it shares with the fewest others.
 *
 * What grows with the number of patterns: the tests of those that have no such text (`[a-z]+`, `(?i)app`; a text in the
 * middle counts from two characters on), and of those that have it in common and nothing else (`app/[a-z]+x`,
 * `app/[0-9]+x`). Patterns of one text are tested once. What takes every name needs no test, but is found each time.
 */
export class NameIndex<T> {
  readonly #literals = new Map<string, T[]>();
  /** Patterns by their own text. */
  readonly #entries = new Map<string, Entry<T>>();
  /** Patterns with a few possible matches, by each of them. */
  readonly #wholes = new Map<string, Entry<T>[]>();
  readonly #heads = new TextTree<Entry<T>>('forwards');
  readonly #tails = new TextTree<Entry<T>>('backwards');
  readonly #inner = new TextTree<Entry<T>>('forwards');
  /** Patterns of which nothing is known. */
  readonly #others: Entry<T>[] = [];

  addLiteral(name: string, item: T): void {
    append(this.#literals, name, item);
  }

  addPattern(pattern: IndexedPattern, item: T): void {
    const known = this.#entries.get(pattern.text);
    if (known) {
      known.items.push(item);
      return;
    }
    const entry = { test: testOf(pattern), items: [item] };
    this.#entries.set(pattern.text, entry);
    this.#file(entry, pattern);
  }

  find(name: string): Set<T> {
    const found = new Set(this.#literals.get(name));
    this.#visit(name, (entry) => {
      if (entry.test(name)) for (const item of entry.items) found.add(item);
      return false;
    });
    return found;
  }

  /** Whether anything selects the name. */
  has(name: string): boolean {
    return this.#literals.has(name) || this.#visit(name, (entry) => entry.test(name));
  }

  #file(entry: Entry<T>, { prefix, required }: IndexedPattern): void {
    // Who knows more of the pattern than its text tells us, as a later version might, says so by its folders.
    const heads = required.heads.every((head) => head.startsWith(prefix)) ? required.heads : [prefix];
    if (required.whole && heads === required.heads) {
      for (const text of required.whole) append(this.#wholes, text, entry);
      return;
    }
    const choices = [
      { texts: heads, shelf: this.#heads },
      { texts: required.tails, shelf: this.#tails },
      ...required.inner.filter(isLongEnough).map((texts) => ({ texts, shelf: this.#inner })),
    ].filter(({ texts }) => !texts.includes(''));
    let chosen: (typeof choices)[number] | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const choice of choices) {
      const burden = burdenOf(choice.texts, choice.shelf);
      if (burden < least) chosen = choice;
      least = Math.min(least, burden);
    }
    if (!chosen) this.#others.push(entry);
    else for (const text of chosen.texts) chosen.shelf.add(text, entry);
  }

  /** Shows every entry that may match, some perhaps twice, until `visit` says that it has seen enough. */
  #visit(name: string, visit: (entry: Entry<T>) => boolean): boolean {
    if (this.#wholes.get(name)?.some(visit)) return true;
    if (this.#heads.visit(name, 0, visit) || this.#tails.visit(name, 0, visit)) return true;
    if (!this.#inner.isEmpty) {
      for (let at = 0; at < name.length; at++) if (this.#inner.visit(name, at, visit)) return true;
    }
    return this.#others.some(visit);
  }
}

function isLongEnough(texts: readonly string[]): boolean {
  return texts.every(({ length }) => length >= 2);
}

/** What it costs to keep one more pattern under these texts: how many are there, and how often a short text occurs by chance. */
function burdenOf(texts: readonly string[], shelf: TextTree<unknown>): number {
  return texts.reduce((sum, text) => sum + (1 + shelf.count(text)) * 2 ** Math.max(0, 4 - text.length), 0);
}

/**
 * Patterns that take whatever follows their head, if there is no line break in it, are not even compiled for that: they
 * are only asked about names that begin so.
 */
function testOf({ text, required, pattern }: IndexedPattern): (name: string) => boolean {
  const rest = ['.*', '(.*)', '((?s:.*))'].find((ending) => text.endsWith(ending));
  const [head = '', another] = required.heads;
  const before = rest === undefined ? null : text.slice(0, -rest.length);
  if (another !== undefined || (before !== head && before !== RE2JS.quote(head))) return (name) => pattern.test(name);
  return (name) => !name.includes('\n') || pattern.test(name);
}

function append<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const items = map.get(key);
  if (items) items.push(item);
  else map.set(key, [item]);
}
