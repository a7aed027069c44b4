import { isSamePartition } from '../../crd/destinations/aws.ts';
import { fixSpec } from '../../errors.ts';
import type { Desired } from '../contract.ts';
import { nameOf } from './names.ts';
import { settingsOf } from './place.ts';
import { replicasOf } from './replicas.ts';
import { complainAboutPolicy } from './resource-policy.ts';
import { tagsOf } from './tags.ts';
import { isBase64, secretValueOf, sizeOf } from './values.ts';

/** AWS: a value of 1 to 65,536 bytes. */
const largestValue = 65_536;
/** AWS: characters of a description. */
const longestDescription = 2048;
/** AWS: tags of one secret. */
export const mostTags = 50;
/** AWS: characters of a tag's key and of its value. */
const longestTagKey = 128;
const longestTagValue = 256;
/** AWS: letters, digits and blanks of any script, and _ . : / = + - @ in tags. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * What AWS would refuse, before it is asked; tells where it is wrong and never what the value is. `region` is the copy's,
 * which its destination need not name.
 */
export function preflight(desired: Desired, region: string): void {
  nameOf(desired.name, { derived: false });
  checkValue(desired);
  checkDescription(desired);
  checkTags(desired);
  checkPolicy(desired);
  checkReplicas(desired, region);
}

function checkReplicas({ name, destination }: Desired, region: string): void {
  for (const replica of replicasOf(destination) ?? []) {
    if (replica.region === region) {
      const rule = `a replica is in another region than the copy, which is in ${region}`;
      throw fixSpec('ReplicaInOwnRegion', `${name}: ${rule}: leave that region out of dest.aws.replicas`);
    }
    if (!isSamePartition(replica.region, region)) {
      const rule = `AWS does not replicate from ${region} to ${replica.region}, which is in another of its clouds`;
      throw fixSpec('ReplicaInOtherCloud', `${name}: ${rule}: leave that region out of dest.aws.replicas`);
    }
  }
}

function checkValue(desired: Desired): void {
  const { name, value, destination } = desired;
  if (settingsOf(destination).valueType === 'Base64' && !isBase64(value)) {
    const cure = 'store Base64 in Vault (with format: raw), or choose valueType: Binary or String';
    throw fixSpec(
      'ValueNotBase64',
      `${name}: with valueType: Base64 the value must be Base64, which it is not: ${cure}`,
    );
  }
  const bytes = sizeOf(secretValueOf(desired));
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

function checkDescription({ name, destination }: Desired): void {
  const characters = settingsOf(destination).description?.length ?? 0;
  if (characters > longestDescription) {
    const rule = `AWS allows 2,048 characters and the description has ${characters}`;
    throw fixSpec('DescriptionTooLong', `${name}: ${rule}: shorten it`);
  }
}

function checkTags(desired: Desired): void {
  const own = Object.entries(settingsOf(desired.destination).tags ?? {});
  const count = Object.keys(tagsOf(desired)).length;
  if (count > mostTags) {
    throw fixSpec(
      'TooManyTags',
      `${desired.name}: AWS allows ${mostTags} tags, three of them ours: leave out ${count - mostTags}`,
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

function checkPolicy({ name, destination }: Desired): void {
  const complaint = complainAboutPolicy(settingsOf(destination).resourcePolicy ?? '');
  if (complaint) throw fixSpec('PolicyInvalid', `${name}: dest.aws.resourcePolicy: ${complaint}: mend the policy`);
}
