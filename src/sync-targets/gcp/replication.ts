import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec, type SyncError } from '../../errors.ts';
import type { WireReplication, WireSecret } from './connection.ts';
import { fieldsOf } from './place.ts';

/** The replication that a manifest asks for; null = it says nothing. */
export function wantedReplication(destination: Destination): WireReplication | null {
  const { replication, replicationLocations, location } = fieldsOf(destination);
  if (location !== undefined) return null;
  if (replication?.automatic) return { automatic: withKey(replication.automatic.kmsKeyName) };
  const replicas = replication?.userManaged ?? replicationLocations?.map((one) => ({ location: one }));
  if (!replicas) return null;
  return {
    userManaged: {
      replicas: replicas.map((replica: { location: string; kmsKeyName?: string }) => ({
        location: replica.location,
        ...withKey(replica.kmsKeyName),
      })),
    },
  };
}

/** What is said at creation: automatic replication where the manifest says nothing, and none for a regional secret. */
export function replicationAtCreation(
  destination: Destination,
): Pick<WireSecret, 'replication' | 'customerManagedEncryption'> {
  const { location, kmsKeyName } = fieldsOf(destination);
  if (location !== undefined) return withKey(kmsKeyName);
  return { replication: wantedReplication(destination) ?? { automatic: {} } };
}

/** Whether the copy is kept in other places than it must be, which nobody can change. GCP: replication is immutable. */
export function hasOtherPlaces(wanted: WireReplication | null, observed: WireReplication | null): boolean {
  return wanted !== null && observed !== null && describePlaces(wanted) !== describePlaces(observed);
}

/** Whether a key is not the one that the manifest names. A manifest that names none leaves the key that is there. */
export function hasOtherKey(wanted: WireReplication | null, observed: WireReplication | null): boolean {
  if (wanted === null || observed === null) return false;
  const keys = keysOf(observed);
  return [...keysOf(wanted)].some(([place, key]) => keys.get(place) !== key);
}

/** The replication that is there, with the keys of the manifest where it names some. */
export function withWantedKeys(wanted: WireReplication, observed: WireReplication): WireReplication {
  const keys = new Map([...keysOf(observed), ...keysOf(wanted)]);
  if (observed.automatic) return { automatic: withKey(keys.get('')) };
  const replicas = observed.userManaged?.replicas ?? [];
  return {
    userManaged: { replicas: replicas.map(({ location }) => ({ location, ...withKey(keys.get(location)) })) },
  };
}

export function withKey(kmsKeyName: string | undefined): Pick<WireSecret, 'customerManagedEncryption'> {
  return kmsKeyName === undefined ? {} : { customerManagedEncryption: { kmsKeyName } };
}

/** What to do about a copy that is in other places than the manifest says. */
export function replicationIsFixed(name: string, wanted: WireReplication, observed: WireReplication): SyncError {
  const text = `GCP Secret Manager keeps ${name} ${describePlaces(observed)} and cannot change that to ${describePlaces(wanted)}: put the former replication back, give the copy another name, or delete it in GCP to have it made anew`;
  return fixSpec('ReplicationFixed', text);
}

function describePlaces({ automatic, userManaged }: WireReplication): string {
  if (automatic) return 'replicated automatically';
  return `in ${(userManaged?.replicas ?? [])
    .map(({ location }) => location)
    .sort()
    .join(', ')}`;
}

/** Keys by location; automatic replication has one, under ''. */
function keysOf({ automatic, userManaged }: WireReplication): ReadonlyMap<string, string> {
  const places = automatic ? [{ location: '', ...automatic }] : (userManaged?.replicas ?? []);
  return new Map(
    places.flatMap(({ location, customerManagedEncryption: key }) => (key ? [[location, key.kmsKeyName]] : [])),
  );
}
