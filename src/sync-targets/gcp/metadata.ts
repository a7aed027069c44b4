import { type Desired, markNames } from '../contract.ts';
import type { WireSecret } from './connection.ts';
import { fieldsOf } from './place.ts';
import { destroyAfterOf } from './retention.ts';

/**
 * Tells which labels and annotations we gave a copy, so that one that is taken out of the manifest can be told from
 * those of others, e.g. `l:team l:stage a:note`. There is no such annotation where the manifest has neither.
 */
const givenMark = 'vss-given';

/**
 * Tells which versions are to stay, e.g. `2 24h`, so that a manifest that says it anew, without a new value, is seen. There
 * is no such annotation where the manifest leaves versions alone.
 */
const versionsMark = 'vss-versions';

export type Metadata = Pick<WireSecret, 'labels' | 'annotations'>;

/**
 * Labels and annotations that a copy must have, on top of what is there: those of others stay, those that a manifest
 * once had and has no more go. `state` is the state mark; undefined = none.
 */
export function metadataOver(present: Metadata, desired: Desired, state: string | undefined): Metadata {
  const { marks, destination } = desired;
  const { labels = {}, annotations = {}, versions } = fieldsOf(destination);
  const given = [...Object.keys(labels).map((key) => `l:${key}`), ...Object.keys(annotations).map((key) => `a:${key}`)];
  const once = new Set((present.annotations[givenMark] ?? '').split(' '));
  const keep = (map: Readonly<Record<string, string>>, kind: string): [string, string][] =>
    Object.entries(map).filter(([key]) => !once.has(`${kind}:${key}`));
  const { [markNames.state]: _state, [givenMark]: _given, [versionsMark]: _versions, ...others } = present.annotations;
  return {
    labels: { ...Object.fromEntries(keep(present.labels, 'l')), ...labels, [markNames.owner]: marks.owner },
    annotations: {
      ...Object.fromEntries(keep(others, 'a')),
      ...annotations,
      [markNames.ref]: marks.ref,
      ...(given.length > 0 ? { [givenMark]: given.sort().join(' ') } : {}),
      ...(versions ? { [versionsMark]: `${versions.keepEnabled} ${destroyAfterOf(versions)}` } : {}),
      ...(state === undefined ? {} : { [markNames.state]: state }),
    },
  };
}

/** Whether a label or the mark of the owner must change. */
export function hasOtherLabels(desired: Desired, present: Metadata): boolean {
  const { labels } = metadataOver(present, desired, undefined);
  return !isSame(labels, present.labels) || present.annotations[markNames.ref] !== desired.marks.ref;
}

/** Whether an annotation of the manifest must change. */
export function hasOtherAnnotations(desired: Desired, present: Metadata): boolean {
  const { annotations } = metadataOver(present, desired, undefined);
  return !isSame(withoutMarks(annotations), withoutMarks(present.annotations));
}

function withoutMarks(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const marks: readonly string[] = [markNames.ref, markNames.state, givenMark];
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !marks.includes(key)));
}

export function isSame(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
