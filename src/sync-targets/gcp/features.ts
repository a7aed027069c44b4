import { fixSpec, type SyncError } from '../../errors.ts';
import type { Desired, Difference } from '../contract.ts';
import type { WireSecret } from './connection.ts';
import { msOf, secondsOf, wireTime } from './durations.ts';
import { hasOtherAnnotations, hasOtherLabels, isSame, metadataOver } from './metadata.ts';
import { fieldsOf } from './place.ts';
import {
  hasOtherKey,
  hasOtherPlaces,
  replicationAtCreation,
  replicationIsFixed,
  wantedReplication,
  withKey,
  withWantedKeys,
} from './replication.ts';

/** Something of a secret, besides its value, that is not as it must be. */
export interface Change {
  readonly difference: Difference;
  /** Paths for `update_mask`. */
  readonly paths: readonly string[];
  /** The members as they must be. */
  readonly members: Partial<WireSecret>;
}

/** The newest version's number; null = not known (a listing). */
type NewestNumber = number | null;

/**
 * What `UpdateSecret` must change, apart from the state mark. What a manifest says nothing of is left as it is; an alias
 * for a version that is not there yet waits for it.
 */
export function changesOf(desired: Desired, secret: WireSecret, newest: NewestNumber): readonly Change[] {
  return [
    ...metadataChanges(desired, secret),
    ...keyChanges(desired, secret),
    ...topicChanges(desired, secret),
    ...expiryChanges(desired, secret),
    ...delayChanges(desired, secret),
    ...aliasChanges(desired, secret, newest),
  ];
}

/** What `CreateSecret` says, besides labels and annotations. Aliases follow once there is a version. */
export function membersAtCreation({ destination }: Desired): Partial<WireSecret> {
  const { topics = [], expireTime, ttl, versionDestroyTtl } = fieldsOf(destination);
  return {
    ...replicationAtCreation(destination),
    ...(topics.length > 0 ? { topics: topics.map((name) => ({ name })) } : {}),
    ...(expireTime === undefined ? {} : { expireTime: wireTime(Date.parse(expireTime)) }),
    ...(ttl === undefined ? {} : { ttl: { seconds: secondsOf(ttl) } }),
    ...(versionDestroyTtl === undefined ? {} : { versionDestroyTtl: { seconds: secondsOf(versionDestroyTtl) } }),
  };
}

/** Whether the copy is kept in other places than the manifest says: nobody can change that. */
export function isElsewhere({ destination }: Desired, { replication }: WireSecret): boolean {
  return hasOtherPlaces(wantedReplication(destination), replication ?? null);
}

/** What no call can bring about; null = nothing. Asked after everything else is done. */
export function impossibleIn(desired: Desired, secret: WireSecret, newest: number): SyncError | null {
  const { name, destination } = desired;
  const wanted = wantedReplication(destination);
  const { replication } = secret;
  if (wanted && replication && hasOtherPlaces(wanted, replication))
    return replicationIsFixed(name, wanted, replication);
  const { versionAliases = {} } = fieldsOf(destination);
  const early = Object.entries(versionAliases).find(([, version]) => version > newest);
  if (!early) return null;
  const text = `versionAliases names version ${early[1]} of ${name} ${JSON.stringify(early[0])}, and the newest is ${newest}: name one that is there`;
  return fixSpec('AliasWithoutVersion', text);
}

function metadataChanges(desired: Desired, secret: WireSecret): Change[] {
  const differences: Difference[] = [];
  if (hasOtherLabels(desired, secret)) differences.push('tags');
  if (hasOtherAnnotations(desired, secret)) differences.push('annotations');
  // One writes both: which label or annotation is ours is kept in an annotation.
  const members = metadataOver(secret, desired, undefined);
  return differences.map((difference) => ({ difference, paths: ['labels', 'annotations'], members }));
}

// docs/cmek: keys may change although replication may not, and count for versions that are added from then on.
function keyChanges({ destination }: Desired, { replication, customerManagedEncryption }: WireSecret): Change[] {
  const { location, kmsKeyName } = fieldsOf(destination);
  if (location !== undefined) {
    if (kmsKeyName === undefined || customerManagedEncryption?.kmsKeyName === kmsKeyName) return [];
    return [{ difference: 'encryptionKey', paths: ['customer_managed_encryption'], members: withKey(kmsKeyName) }];
  }
  const wanted = wantedReplication(destination);
  const observed = replication ?? null;
  if (wanted === null || observed === null || hasOtherPlaces(wanted, observed) || !hasOtherKey(wanted, observed))
    return [];
  const members = { replication: withWantedKeys(wanted, observed) };
  return [{ difference: 'encryptionKey', paths: ['replication'], members }];
}

function topicChanges({ destination }: Desired, { topics: observed = [] }: WireSecret): Change[] {
  const { topics } = fieldsOf(destination);
  if (topics === undefined) return [];
  const wanted = [...topics].sort();
  const present = observed.map(({ name }) => name).sort();
  if (wanted.join(' ') === present.join(' ')) return [];
  return [{ difference: 'topics', paths: ['topics'], members: { topics: topics.map((name) => ({ name })) } }];
}

function expiryChanges({ destination }: Desired, { expireTime: observed }: WireSecret): Change[] {
  const { expireTime, ttl } = fieldsOf(destination);
  if (ttl !== undefined && !observed)
    return [{ difference: 'expires', paths: ['ttl'], members: { ttl: { seconds: secondsOf(ttl) } } }];
  if (expireTime === undefined) return [];
  const wanted = Date.parse(expireTime);
  if (observed && msOf(observed) === wanted) return [];
  return [{ difference: 'expires', paths: ['expire_time'], members: { expireTime: wireTime(wanted) } }];
}

function delayChanges({ destination }: Desired, { versionDestroyTtl: observed }: WireSecret): Change[] {
  const { versionDestroyTtl } = fieldsOf(destination);
  if (versionDestroyTtl === undefined) return [];
  const seconds = secondsOf(versionDestroyTtl);
  if (observed && Number(observed.seconds) === seconds) return [];
  const members = { versionDestroyTtl: { seconds } };
  return [{ difference: 'versionDestroyTtl', paths: ['version_destroy_ttl'], members }];
}

function aliasChanges({ destination }: Desired, secret: WireSecret, newest: NewestNumber): Change[] {
  const observed = asText(secret.versionAliases ?? {});
  const wanted = Object.entries(fieldsOf(destination).versionAliases ?? {}).filter(
    ([, version]) => newest === null || version <= newest,
  );
  const versionAliases = { ...observed, ...asText(Object.fromEntries(wanted)) };
  if (isSame(versionAliases, observed)) return [];
  return [{ difference: 'versionAliases', paths: ['version_aliases'], members: { versionAliases } }];
}

function asText(numbers: Readonly<Record<string, number | string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([key, number]) => [key, String(number)]));
}
