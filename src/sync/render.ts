import type { Destination } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { Desired } from '../sync-targets/contract.ts';
import type { JsonObject } from '../vault/json.ts';
import { fingerprintOf, marksOf, type Stamp, versionIdOf } from './marks.ts';
import { expandDestination } from './naming/destination.ts';
import { keyValue } from './shape/shape.ts';
import { namingPartsOf, type Unit, type UnitContent, type WantedCopy } from './unit.ts';

/** A copy as it must be, and the fingerprints that tell whether it is. */
export interface Rendered {
  readonly desired: Desired;
  /** Of everything. */
  readonly fingerprint: string;
  /** Of the value, and of whose it is: what the marks in the store tell. */
  readonly valueFingerprint: string;
  /** Of everything but the value. */
  readonly settingsFingerprint: string;
}

/** What Vault says of a unit, ready for its copies. */
export interface Content extends UnitContent {
  /** The keys of `chosen`. */
  readonly keys: readonly string[];
  /** Of the mount that a single secret was read from; null = not known. */
  readonly mountUuid: string | null;
  /** What one of the keys is called in Vault. */
  originOf(key: string): string;
  /** KV v2 version; of merged secrets the sum. */
  readonly version: number;
  /** The keys that the sync chose, under their new names. */
  readonly chosen: JsonObject;
}

/** Renders one copy. Pure. @throws SyncError where the content cannot take the shape that the manifest asks for */
export function renderCopy(options: {
  readonly key: Uint8Array;
  readonly unit: Unit;
  readonly wanted: WantedCopy;
  readonly content: Content;
}): Rendered {
  const { key, unit, wanted, content } = options;
  const { into, name, source } = wanted;
  const { owner, ref } = unit.resolved;
  const destination = expandDestination(into.destination, into.texts, namingPartsOf(unit, content, wanted.key));
  const value = wanted.key === null ? into.shape(content.chosen) : valueAt(content.chosen, wanted.key);
  const origin = wanted.key === null ? null : content.originOf(wanted.key);
  const { mountUuid, version } = content;
  // Source, mount and key show in the reference mark.
  const settings = [name, source, mountUuid, origin, shapeOf(destination)];
  const fingerprint = fingerprintOf(key, [...settings, value]);
  const { valueType } = (destination[into.store] ?? {}) as { valueType?: string };
  // The name is part of it, so that nobody sees from the marks which copies hold the same.
  const valueFingerprint = fingerprintOf(key, [name, source, wanted.key, valueType ?? null, value]);
  const stamp: Stamp = { owner, ref, source, mountUuid, key: origin, version, fingerprint: valueFingerprint };
  return {
    desired: {
      name,
      value,
      marks: marksOf(stamp),
      destination,
      versionIdAfter: (replaced) => versionIdOf(key, stamp, replaced),
    },
    fingerprint,
    valueFingerprint,
    settingsFingerprint: fingerprintOf(key, settings),
  };
}

function valueAt(chosen: JsonObject, key: string): string {
  const value = Object.hasOwn(chosen, key) ? chosen[key] : undefined;
  if (value !== undefined) return keyValue(value);
  throw new SyncError({ remedy: 'Retry', reason: 'KeyMissing', message: `the secret has no key "${key}" any more` });
}

/** Fields that say where a copy is and how it got its name, not what it holds. */
const placeFields = [
  'name',
  'naming',
  'granularity',
  'format',
  'property',
  'roleArn',
  'externalId',
  'auth',
  'deletion',
  'recoveryWindowDays',
  'forceDelete',
  'region',
  'vaultUrl',
  'vaultName',
  'project',
];

/** What of a destination shows in the copy: everything but where it is and who writes it. */
function shapeOf(destination: Destination): unknown {
  return Object.entries(destination).map(([store, fields]) => [
    store,
    Object.entries(fields ?? {})
      .filter(([field]) => !placeFields.includes(field))
      .map(([field, value]) => [field, typeof value === 'object' ? Object.entries(value).sort() : value])
      .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
  ]);
}
