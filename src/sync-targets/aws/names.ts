import { fixSpec } from '../../errors.ts';
import type { NameOptions } from '../contract.ts';
import { escapeName, type Spelling, unescapeName } from '../reversible-names.ts';

/** AWS: name of 1 to 512 characters. */
const longestName = 512;
/** AWS: letters, digits and /_+=.@- in names. */
const foreignToNames = /[^A-Za-z0-9/_+=.@-]/gu;

/** Of what AWS takes, `=` is the rarest in names. */
const reversible: Spelling = {
  store: 'AWS Secrets Manager',
  field: 'dest.aws.name',
  longest: longestName,
  plain: /^[A-Za-z0-9/_+.@-]$/,
  mark: '=',
  short: '',
  ignoresCase: false,
  // AWS advises against a hyphen and six characters at the end, which is how its ARNs end. Here it costs two characters.
  misplaced: /-(?=.{6}$)/,
};

/**
 * Checks a name, or makes one of a derived name. A hyphen and six characters at the end are accepted in written and in
 * readable names although AWS advises against them: only a partial ARN is ambiguous then, we never use one, and
 * `db-config` is a common name. Nor is there a warning: whoever reads the copy by its name or its whole ARN gets it.
 */
export function nameOf(name: string, { derived, naming }: NameOptions): string {
  const isReversible = derived && naming === 'Reversible';
  const fitting = isReversible ? escapeName(name, reversible) : name.replace(foreignToNames, '-');
  if (fitting === '') throw fixSpec('NameInvalid', 'an AWS secret needs a name of 1 to 512 characters: name it');
  if (fitting.length > longestName) {
    const rule = `AWS allows ${longestName} characters and this name has ${fitting.length}: shorten it`;
    throw fixSpec('NameInvalid', `name ${JSON.stringify(`${fitting.slice(0, 40)}…`)}: ${rule}`);
  }
  if (fitting !== name && !derived) {
    const rule = 'AWS Secrets Manager names have letters, digits and /_+=.@- only: change the other characters';
    throw fixSpec('NameInvalid', `name ${JSON.stringify(name)}: ${rule}`);
  }
  return fitting;
}

/** What a reversible name was made of; null = it is none. */
export function originalOf(name: string): string | null {
  return unescapeName(name, reversible);
}
