import { type Desired, type Difference, isSameRendering, markNames, type Observed, type Written } from '../contract.ts';
import type { WireSecret, WireVersion } from './connection.ts';
import { changesOf, isElsewhere } from './features.ts';
import { lastSegment } from './names.ts';

/**
 * How long after our own write the store may still show an older state. GCP: only "add a version, then access it by its
 * number" is strongly consistent; the rest follows within minutes.
 */
const settlingMs = 10 * 60_000;

/** The newest version, as far as it is known. */
export type Newest =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | { readonly kind: 'version'; readonly number: number; readonly enabled: boolean };

/** What this target wants to see again of a secret it observed. */
export interface Details {
  readonly secret: WireSecret;
  readonly newest: Newest;
}

/** `awaitedState`: the state mark that is on its way to the store, if one is. */
export function observedOf(secret: WireSecret, options: { newest: Newest; awaitedState: string | null }): Observed {
  const { newest, awaitedState } = options;
  const { labels, annotations } = secret;
  const details: Details = { secret, newest };
  return {
    name: lastSegment(secret.name),
    existence: 'live',
    owner: labels[markNames.owner] ?? null,
    ref: annotations[markNames.ref] ?? null,
    state: awaitedState ?? annotations[markNames.state] ?? null,
    versionId: newest.kind === 'version' ? String(newest.number) : null,
    // GCP: Cloud SQL changes the passwords in secrets of this type by itself ("managed rotation").
    managedBy: secret.secretType === 'CLOUD_SQL_DB_CREDENTIALS' ? 'Cloud SQL' : null,
    details,
  };
}

export function newestOf(version: WireVersion | null): Newest {
  if (version === null) return { kind: 'none' };
  return { kind: 'version', number: Number(lastSegment(version.name)), enabled: version.state === 'ENABLED' };
}

/** Only for what `observedOf` made: nobody else fills `details` of this target's observations. */
export function detailsOf(observed: Observed): Details {
  return observed.details as Details;
}

export interface Comparison {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly written: Written | null;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** In what a copy differs from what it must be, as its metadata tell. */
export function differencesOf(comparison: Comparison): readonly Difference[] {
  const { desired, observed } = comparison;
  const { secret } = detailsOf(observed);
  const differences: Difference[] = changesOf(desired, secret, null).map(({ difference }) => difference);
  if (hasOtherValue(comparison)) differences.unshift('value');
  if (isElsewhere(desired, secret)) differences.push('replicas');
  return [...new Set(differences)];
}

function hasOtherValue({ desired, observed, written, now }: Comparison): boolean {
  // What the store shows now may be older than what we wrote; the ledger is not.
  if (written && now - written.at < settlingMs) return false;
  const { newest } = detailsOf(observed);
  // Half a creation: the secret is there, its first version is not.
  if (newest.kind === 'none') return true;
  if (newest.kind === 'version') {
    // Whoever asks for `latest` of a disabled or destroyed version gets an error instead of the value.
    if (!newest.enabled) return true;
    if (written && newest.number > Number(written.versionId)) return true;
    // A version never changes, so this one holds what we wrote, though its mark may wait for its turn in another replica.
    if (written && newest.number === Number(written.versionId)) return false;
  }
  return !isSameRendering(observed.state, desired.marks.state);
}
