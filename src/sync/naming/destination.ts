import { hasParts } from '../../crd/destinations/common.ts';
import { type Destination, storeOf } from '../../crd/vault-secret-sync.ts';
import { type CompiledText, compileText, type NamingParts } from './text.ts';

/** A destination whose tags, labels and descriptions are filled in for each copy. */
export interface CompiledDestination {
  /** Whether Vault must be read before all of them are known. */
  readonly needsRead: boolean;
  /** Those that have parts to fill in, by field and, in a map, by key. */
  readonly texts: readonly DestinationText[];
}

interface DestinationText {
  readonly field: string;
  /** Null when the field is a text and no map. */
  readonly key: string | null;
  readonly text: CompiledText;
}

/** Fields that are maps of texts, and characters of each. */
const maps = ['tags', 'labels', 'annotations'];
const longestEntry = 1_024;
const longestDescription = 2_048;

/** Compiles what a destination says of tags, labels, annotations and description. @throws SyncError `FixSpec` */
export function compileDestination(destination: Destination): CompiledDestination {
  const store = storeOf(destination);
  const { granularity = 'secret' } = destination[store] ?? {};
  const texts = Object.entries(destination[store] ?? {}).flatMap(([field, value]) =>
    entriesOf(field, value)
      .filter(({ written }) => hasParts(written))
      .map(({ key, written }) => {
        const where = `dest.${store}.${field}${key === null ? '' : `.${key}`}`;
        const most = key === null ? longestDescription : longestEntry;
        return { field, key, text: compileText(written, { where, most, granularity }) };
      }),
  );
  return { needsRead: texts.some(({ text }) => text.needsRead), texts };
}

function entriesOf(field: string, value: unknown): { key: string | null; written: string }[] {
  if (field === 'description') return [{ key: null, written: String(value) }];
  if (!maps.includes(field)) return [];
  return Object.entries(value as Record<string, string>).map(([key, written]) => ({ key, written }));
}

/**
 * The destination with everything filled in for one copy; the same object when there is nothing to fill in. Pure.
 * @throws SyncError `FixSpec`
 */
export function expandDestination(
  destination: Destination,
  { texts }: CompiledDestination,
  parts: NamingParts,
): Destination {
  if (texts.length === 0) return destination;
  const store = storeOf(destination);
  const filled: Record<string, unknown> = { ...destination[store] };
  for (const { field, key, text } of texts) {
    const expanded = text.expand(parts).text;
    filled[field] = key === null ? expanded : withEntry(filled[field], key, expanded);
  }
  return { ...destination, [store]: filled };
}

/** A copy of a map with one entry replaced; `__proto__` is a key like any other. */
function withEntry(map: unknown, key: string, text: string): Record<string, string> {
  return Object.fromEntries(Object.entries(map as object).map((entry) => (entry[0] === key ? [key, text] : entry)));
}
