import type { Captures } from '../../paths/patterns.ts';
import type { Selector } from '../../paths/selector.ts';
import { compareTexts, type Dict, dict, type Item, list } from '../transform/template/values.ts';

/** What a name, tag, label or description can be made of. No value of the secret is among it. */
export interface NamingParts {
  readonly selector: Selector;
  readonly captures: Captures;
  readonly mount: string;
  /** Name within the mount. */
  readonly name: string;
  /** The key that the copy is made of, with `granularity: key`. */
  readonly key: string | null;
  /** Names of the keys that are copied; null = Vault was not read yet. */
  readonly keys: readonly string[] | null;
  /** `custom_metadata` of the secret; null = Vault was not read yet. */
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly sync: { readonly namespace: string; readonly name: string };
}

/** What templates see as dot. */
export const dotFields = [
  'name',
  'path',
  'mount',
  'segments',
  'base',
  'captures',
  'capture',
  'metadata',
  'keys',
  'key',
  'sync',
];
/** What is in `.sync`. */
export const syncFields = ['namespace', 'name'];

/** The parts as templates see them. `onMissing` hears of each capture and metadata that is asked for and not there. */
export function dotOf(parts: NamingParts, onMissing: (path: string) => void): Item {
  const { captures, mount, name, key, keys, metadata, sync } = parts;
  const segments = name.split('/').map(asText);
  return dict([
    ['name', asText(name)],
    ['path', asText(`${mount}/${name}`)],
    ['mount', asText(mount)],
    ['segments', list(segments, '[]string')],
    ['base', segments.at(-1) ?? ''],
    ['captures', list(captures.numbered.map(asText), '[]string')],
    ['capture', watched(captures.named, (missing) => onMissing(`.capture.${missing}`))],
    ...(key === null ? [] : [['key', asText(key)] as const]),
    ['keys', sortedKeys(keys ?? noKeys)],
    ['metadata', watched(metadata ?? {}, (missing) => onMissing(`.metadata.${missing}`))],
    [
      'sync',
      dict([
        ['namespace', sync.namespace],
        ['name', sync.name],
      ]),
    ],
  ]);
}

const noKeys: readonly string[] = [];
const sorted = new WeakMap<readonly string[], Item>();

/** The keys of one secret, sorted once for all the names that are made of them. */
function sortedKeys(keys: readonly string[]): Item {
  const known = sorted.get(keys) ?? list(keys.map(asText).toSorted(compareTexts), '[]string');
  sorted.set(keys, known);
  return known;
}

/** Texts of templates have no half characters. */
function asText(text: string): string {
  return text.toWellFormed();
}

/** A map that tells which of its entries were asked for in vain. */
function watched(texts: Readonly<Record<string, string>>, onMissing: (key: string) => void): Dict {
  const entries = Object.entries(texts).map(([key, text]) => [asText(key), asText(text)] as const);
  return { ...dict([]), entries: new WatchedMap(entries, onMissing) };
}

class WatchedMap extends Map<string, Item> {
  readonly #onMissing: (key: string) => void;

  constructor(entries: Iterable<readonly [string, Item]>, onMissing: (key: string) => void) {
    super(entries);
    this.#onMissing = onMissing;
  }

  override get(key: string): Item | undefined {
    const found = super.get(key);
    if (found === undefined) this.#onMissing(key);
    return found;
  }
}
