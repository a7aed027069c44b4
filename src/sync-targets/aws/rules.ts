import { fixSpec } from '../../errors.ts';
import { type Desired, markNames } from '../contract.ts';
import { settingsOf } from './place.ts';

/** AWS: name of 1 to 512 characters. */
const longestName = 512;
/** AWS: letters, digits and /_+=.@- in names. */
const foreignToNames = /[^A-Za-z0-9/_+=.@-]/gu;
/** AWS: a value of 1 to 65,536 bytes. */
const largestValue = 65_536;
/** AWS: tags of one secret. */
const mostTags = 50;
/** AWS: characters of a tag's key and of its value. */
const longestTagKey = 128;
const longestTagValue = 256;
/** AWS: letters, digits and blanks of any script, and _ . : / = + - @ in tags. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Checks a name, or makes one of a derived name. A hyphen and six characters at the end are accepted although AWS
 * advises against them: only a partial ARN is ambiguous then, we never use one, and `db-config` is a common name.
 */
export function nameOf(name: string, { derived }: { readonly derived: boolean }): string {
  const fitting = name.replace(foreignToNames, '-');
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

/** What AWS would refuse and moto would not; tells where it is wrong and never what the value is. */
export function preflight(desired: Desired): void {
  nameOf(desired.name, { derived: false });
  checkValue(desired);
  checkTags(desired);
}

function checkValue({ name, value }: Desired): void {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0) {
    throw fixSpec('ValueEmpty', `${name}: AWS refuses an empty value (1 to 65,536 bytes): give the secret a value`);
  }
  if (bytes > largestValue) {
    const rule = `AWS allows 65,536 bytes and the value has ${bytes}`;
    throw fixSpec('ValueTooLarge', `${name}: ${rule}: split the secret or leave it out`);
  }
  if (!value.isWellFormed()) {
    throw fixSpec(
      'ValueNotText',
      `${name}: the value holds half a character (UTF-16, 1 of 2 surrogates), which AWS cannot hold`,
    );
  }
}

function checkTags(desired: Desired): void {
  const own = Object.entries(settingsOf(desired.destination).tags ?? {});
  const count = Object.keys(tagsOf(desired)).length;
  if (count > mostTags) {
    throw fixSpec(
      'TooManyTags',
      `${desired.name}: AWS allows ${mostTags} tags, two of them ours: leave out ${count - mostTags}`,
    );
  }
  for (const [key, value] of own) {
    const complaint = complainAboutTag(key, value);
    if (complaint)
      throw fixSpec('TagInvalid', `${desired.name}: tag ${JSON.stringify(key.slice(0, 60))}: ${complaint}`);
  }
}

function complainAboutTag(key: string, value: string): string | null {
  if (key.length < 1 || key.length > longestTagKey) return `AWS allows keys of 1 to ${longestTagKey} characters`;
  if (value.length > longestTagValue) return `AWS allows values of at most ${longestTagValue} characters`;
  if (/^aws:/i.test(key)) return 'keys that begin with aws: are reserved by AWS: choose another';
  if (key.startsWith('vss-')) return 'keys that begin with vss- are marks of vault-secret-sync: choose another';
  if (!tagText.test(key) || !tagText.test(value)) return 'AWS allows letters, digits, blanks and _.:/=+-@ only';
  return null;
}

/**
 * Every tag that the copy must bear. There is no tag for the state: a write would need a second request for it
 * (PutSecretValue changes no tags), and the version id says the same.
 */
export function tagsOf({ destination, marks }: Desired): Readonly<Record<string, string>> {
  return { ...settingsOf(destination).tags, [markNames.owner]: marks.owner, [markNames.ref]: marks.ref };
}
