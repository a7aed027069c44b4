import { fixSpec } from '../../errors.ts';

/** GCP: secret id, at most 255 characters. */
const maxCharacters = 255;

/** GCP: secret id, `[A-Za-z0-9_-]`. */
const foreignCharacter = /[^A-Za-z0-9_-]/gu;

/**
 * The secret id for a name. A `/` becomes `-` even in a name written out, as users of other tools expect; what else the
 * store lacks is replaced in derived names and refused in written ones.
 * @throws SyncError `FixSpec`
 */
export function secretIdOf(name: string, options: { derived: boolean }): string {
  const id = options.derived ? name.replace(foreignCharacter, '-') : name.replaceAll('/', '-');
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

/** The last segment of a resource name: the id of a secret, or the number of a version. */
export function lastSegment(resource: string): string {
  return resource.slice(resource.lastIndexOf('/') + 1);
}
