import type { AzureDestination } from '../../crd/destinations/azure.ts';
import { hasParts } from '../../crd/destinations/common.ts';
import { fixSpec } from '../../errors.ts';
import { type Desired, markNames } from '../contract.ts';
import { givenIn, isGivenTag, stateTagOf } from './given.ts';
import { originalOf, secretNameOf } from './names.ts';

/** Azure: value of a secret, 25 KB. */
const maxValueBytes = 25_600;

/** Azure: tags of a secret, ours among them. */
const maxTags = 15;

/** Azure: content type of a secret. */
const maxContentTypeCharacters = 255;

/** Azure: names and values of tags. */
const maxTagCharacters = 512;

/** Tags that begin so are ours. */
const ourPrefix = 'vss-';

/** The path that a reversible name was made of, for whoever looks at the copy: no part of what we decide by. */
const nameTag = 'vss-name';

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
  const { tags = {}, contentType = '' } = settingsOf(desired);
  if (contentType.length > maxContentTypeCharacters) {
    const text = `a contentType of ${contentType.length} characters is too long for Azure: ${maxContentTypeCharacters} at most`;
    throw fixSpec('ContentTypeInvalid', text);
  }
  refuseImpossibleTags(tags, Object.keys(ourTagsOf(desired)).length);
}

function refuseImpossibleTags(tags: Readonly<Record<string, string>>, ours: number): void {
  const entries = Object.entries(tags);
  if (entries.length + ours > maxTags) {
    const text = `${entries.length} tags are too many for Azure: ${maxTags - ours} beside our ${ours}`;
    throw fixSpec('TagsInvalid', text);
  }
  for (const [name, value] of entries) {
    const where = `the tag ${JSON.stringify(name.slice(0, 40))}`;
    if (isOurs(name)) {
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

/** What the manifest says of a copy in Azure. */
export function settingsOf({ destination }: Desired): AzureDestination {
  return destination.azure ?? {};
}

/** Every tag that the copy must have: the user's and ours. */
export function tagsOf(desired: Desired): Record<string, string> {
  return { ...settingsOf(desired).tags, ...ourTagsOf(desired) };
}

/**
 * The tags of a copy whose value stays: what it must have, and what others put there as long as there is room; a tag that
 * the manifest gave once and has no more goes. (The next version begins with ours alone: Azure takes nothing over from
 * the one before.)
 */
export function tagsBeside(desired: Desired, observed: Readonly<Record<string, string>>): Record<string, string> {
  const wanted = tagsOf(desired);
  const given = givenIn(observed);
  const others = Object.entries(observed).filter(
    ([name]) => !Object.hasOwn(wanted, name) && !isOurs(name) && !isGivenTag(given, name),
  );
  return { ...Object.fromEntries(others.slice(0, maxTags - Object.keys(wanted).length)), ...wanted };
}

function ourTagsOf(desired: Desired): Record<string, string> {
  const { marks } = desired;
  const original = pathOf(desired);
  return {
    [markNames.owner]: marks.owner,
    [markNames.ref]: marks.ref,
    [markNames.state]: stateTagOf(desired, settingsOf(desired)),
    ...(original === null ? {} : { [nameTag]: original }),
  };
}

/** What a reversible name was made of; null for a name that was written out, or made in another way. */
function pathOf(desired: Desired): string | null {
  const { name, naming } = settingsOf(desired);
  const isDerived = name === undefined || hasParts(name);
  return naming === 'Reversible' && isDerived ? originalOf(desired.name) : null;
}

/** In any letter case: elsewhere in Azure names of tags do not differ by it. */
function isOurs(tag: string): boolean {
  return tag.toLowerCase().startsWith(ourPrefix);
}

/** What the value is, for people and policies that look at `contentType`: as the manifest says, else JSON or text. */
export function contentTypeOf(desired: Desired): string {
  const { contentType } = settingsOf(desired);
  if (contentType !== undefined) return contentType;
  try {
    JSON.parse(desired.value);
    return 'application/json';
  } catch {
    return 'text/plain';
  }
}
