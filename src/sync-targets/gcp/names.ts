import { fixSpec } from '../../errors.ts';
import type { NameOptions } from '../contract.ts';
import { escapeName, type Spelling, unescapeName } from '../reversible-names.ts';

/** GCP: secret id, at most 255 characters. */
const maxCharacters = 255;

/** GCP: secret id, `[A-Za-z0-9_-]`. */
const foreignCharacter = /[^A-Za-z0-9_-]/gu;

/** `_` and not `-` leads to what GCP lacks: names have more hyphens. */
const reversible: Spelling = {
  store: 'GCP Secret Manager',
  field: 'dest.gcp.name',
  longest: maxCharacters,
  plain: /^[A-Za-z0-9-]$/,
  mark: '_',
  short: '/_',
  ignoresCase: false,
};

/**
 * The secret id for a name. A `/` becomes `-` even in a name written out, as users of other tools expect; what else the
 * store lacks is replaced in derived names, or written so that it can be read back, and refused in written ones.
 * @throws SyncError `FixSpec`
 */
export function secretIdOf(name: string, { derived, naming }: NameOptions): string {
  const id = derived ? deriveFrom(name, naming) : name.replaceAll('/', '-');
  const foreign = id.match(foreignCharacter);
  if (foreign) {
    const shown = [...new Set(foreign)].map((character) => JSON.stringify(character)).join(' ');
    const advice = 'use letters, digits, _ and - (a / becomes -)';
    throw fixSpec(
      'NameInvalid',
      `GCP Secret Manager cannot hold the name ${JSON.stringify(name)} because of ${shown}: ${advice}`,
    );
  }
  if (id === '')
    throw fixSpec('NameInvalid', 'GCP Secret Manager needs a name of 1 to 255 characters, and this one is empty');
  if (id.length > maxCharacters) {
    const text = `a name of ${id.length} characters (${id.slice(0, 40)}…) is too long for GCP Secret Manager: ${maxCharacters} at most`;
    throw fixSpec('NameTooLong', text);
  }
  return id;
}

function deriveFrom(name: string, naming: NameOptions['naming']): string {
  return naming === 'Reversible' ? escapeName(name, reversible) : name.replace(foreignCharacter, '-');
}

/** What a reversible id was made of; null = it is none. */
export function originalOf(id: string): string | null {
  return unescapeName(id, reversible);
}

/** The last segment of a resource name: the id of a secret, or the number of a version. */
export function lastSegment(resource: string): string {
  return resource.slice(resource.lastIndexOf('/') + 1);
}
