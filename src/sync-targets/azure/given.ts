import { createHash } from 'node:crypto';
import type { AzureDestination } from '../../crd/destinations/azure.ts';
import { type Desired, markNames } from '../contract.ts';
import type { Attributes } from './attributes.ts';

/**
 * What the manifest gave a copy beside its value, so that what is taken out of it can be told from what others put there:
 * `exp`, `nbf`, and five characters for each tag. It stands in the tag of the state, after a blank, because Azure allows
 * 15 tags and a tag of its own would be one less for the user: `12.<source>.<fingerprint> exp Kx0a9 -_3bQ`.
 */
export type Given = ReadonlySet<string>;

/** 30 bits of a name: a stranger's tag is hardly ever taken for ours. */
const tagMarkLength = 5;

/** The state mark, and what the manifest gives. */
export function stateTagOf(
  { marks }: Desired,
  { tags = {}, notBefore, expires, expiresAfter }: AzureDestination,
): string {
  const times = [
    ...((expires ?? expiresAfter) === undefined ? [] : ['exp']),
    ...(notBefore === undefined ? [] : ['nbf']),
  ];
  return [marks.state, ...times, ...Object.keys(tags).sort().map(tagMarkOf)].join(' ');
}

/** The state mark alone; null = there is none. */
export function stateIn(tags: Readonly<Record<string, string>> | undefined): string | null {
  return tags?.[markNames.state]?.split(' ')[0] ?? null;
}

/** What the manifest gave the copy when it was last written or put right. */
export function givenIn(tags: Readonly<Record<string, string>> | undefined): Given {
  return new Set(tags?.[markNames.state]?.split(' ').slice(1) ?? []);
}

export function isGivenTag(given: Given, name: string): boolean {
  return given.has(tagMarkOf(name));
}

/**
 * The times that the manifest gave and does not say any more, and that are still there. Azure takes no time away from a
 * version, so only a new one is without them.
 */
export function timesLeftOver(
  destination: AzureDestination,
  observed: Pick<Attributes, 'notBefore' | 'expires'> & { readonly tags: Readonly<Record<string, string>> },
): readonly ('expires' | 'notBefore')[] {
  const given = givenIn(observed.tags);
  const { notBefore, expires, expiresAfter } = destination;
  const left: ('expires' | 'notBefore')[] = [];
  if (given.has('exp') && observed.expires !== null && (expires ?? expiresAfter) === undefined) left.push('expires');
  if (given.has('nbf') && observed.notBefore !== null && notBefore === undefined) left.push('notBefore');
  return left;
}

function tagMarkOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, tagMarkLength);
}
