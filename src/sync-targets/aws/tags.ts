import { createHash } from 'node:crypto';
import { type Desired, markNames } from '../contract.ts';
import { settingsOf } from './place.ts';

/**
 * Tells which tags we gave a copy, so that one that is taken out of the manifest can be told from those of others: five
 * characters for each key. There is no such tag where there are no tags of the manifest.
 */
const keysMark = 'vss-tags';
/** 30 bits of a key: 47 of them fit into the 256 characters of a tag, and a stranger's key is hardly ever taken for ours. */
const keyMarkLength = 5;

export type Tags = Readonly<Record<string, string>>;

/**
 * Every tag that the copy must bear. There is no tag for the state: a write would need a second request for it
 * (PutSecretValue changes no tags), and the version id says the same.
 */
export function tagsOf({ destination, marks }: Desired): Tags {
  const { tags = {} } = settingsOf(destination);
  const keys = Object.keys(tags).sort();
  return {
    ...tags,
    [markNames.owner]: marks.owner,
    [markNames.ref]: marks.ref,
    ...(keys.length === 0 ? {} : { [keysMark]: keys.map(markOfKey).join('') }),
  };
}

interface TagChanges {
  readonly set: Tags;
  /** Keys. */
  readonly remove: readonly string[];
}

/**
 * What must change in the tags of a copy. Tags of others are left alone (whoever tags it for costs or compliance is not
 * fought) unless the manifest asks for exactly its own; marks of ours and tags of AWS stay in any case.
 */
export function tagChanges(desired: Desired, observed: ReadonlyMap<string, string>): TagChanges {
  const wanted = new Map(Object.entries(tagsOf(desired)));
  const set = [...wanted].filter(([key, value]) => observed.get(key) !== value);
  const isExact = settingsOf(desired.destination).tagPolicy === 'Exact';
  const given = marksIn(observed.get(keysMark) ?? '');
  const remove = [...observed.keys()].filter((key) => {
    if (wanted.has(key)) return false;
    return key === keysMark || (!isReserved(key) && (isExact || given.has(markOfKey(key))));
  });
  return { set: Object.fromEntries(set), remove };
}

function isReserved(key: string): boolean {
  return /^aws:/i.test(key) || key.startsWith('vss-');
}

function markOfKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, keyMarkLength);
}

function marksIn(text: string): ReadonlySet<string> {
  return new Set(
    Array.from({ length: text.length / keyMarkLength }, (_, index) => index * keyMarkLength).map((at) =>
      text.slice(at, at + keyMarkLength),
    ),
  );
}
