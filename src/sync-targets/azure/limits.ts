import { fixSpec } from '../../errors.ts';
import { type Desired, markNames } from '../contract.ts';
import { secretNameOf } from './names.ts';

/** Azure: value of a secret, 25 KB. */
const maxValueBytes = 25_600;

/** Azure: 15 tags, three of which are our marks. */
const maxOwnTags = 12;

/** Azure: names and values of tags. */
const maxTagCharacters = 512;

/** Tags that begin so are ours. */
const ourPrefix = 'vss-';

/**
 * Refuses what Azure Key Vault would refuse, before any call.
 * @throws SyncError `FixSpec` that says the limit, never the value
 */
export function refuseImpossible(desired: Desired): void {
  secretNameOf(desired.name, { derived: false });
  const bytes = Buffer.byteLength(desired.value);
  if (bytes > maxValueBytes) {
    const text = `the value of ${desired.name} has ${bytes} bytes, and Azure Key Vault takes ${maxValueBytes} at most: split it`;
    throw fixSpec('ValueTooLarge', text);
  }
  if (!desired.value.isWellFormed()) {
    const text = `the value of ${desired.name} holds half a character (a lone UTF-16 surrogate), which Azure Key Vault cannot keep (it takes UTF-8): correct it in Vault`;
    throw fixSpec('ValueInvalid', text);
  }
  refuseImpossibleTags(desired.destination.azure?.tags ?? {});
}

function refuseImpossibleTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags);
  if (entries.length > maxOwnTags) {
    throw fixSpec('TagsInvalid', `${entries.length} tags are too many for Azure: ${maxOwnTags} beside our three marks`);
  }
  for (const [name, value] of entries) {
    const where = `the tag ${JSON.stringify(name.slice(0, 40))}`;
    // In any letter case: elsewhere in Azure names of tags do not differ by it.
    if (name.toLowerCase().startsWith(ourPrefix)) {
      throw fixSpec('TagsInvalid', `${where} begins with ${ourPrefix}, which is kept for our marks`);
    }
    if (name === '' || name.length > maxTagCharacters) {
      throw fixSpec('TagsInvalid', `${where} has ${name.length} characters, and Azure takes 1 to ${maxTagCharacters}`);
    }
    if (value.length > maxTagCharacters) {
      const text = `the value of ${where} has ${value.length} characters, and Azure takes ${maxTagCharacters} at most`;
      throw fixSpec('TagsInvalid', text);
    }
  }
}

/** Every tag that the copy must have: the user's and our marks. */
export function tagsOf({ destination, marks }: Desired): Record<string, string> {
  return {
    ...destination.azure?.tags,
    [markNames.owner]: marks.owner,
    [markNames.ref]: marks.ref,
    [markNames.state]: marks.state,
  };
}

/** What the value is, for people and policies that look at `contentType`. */
export function contentTypeOf(value: string): string {
  try {
    JSON.parse(value);
    return 'application/json';
  } catch {
    return 'text/plain';
  }
}
