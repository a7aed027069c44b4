import type { Destination } from '../crd/vault-secret-sync.ts';
import type { Desired } from '../sync-targets/contract.ts';
import type { FoundSecret } from '../vault/contract.ts';
import { isRawNumber, type JsonObject, type JsonValue } from '../vault/json.ts';
import { fingerprintOf, marksOf, type Stamp, versionIdOf } from './marks.ts';

/** A copy as it must be, and the fingerprints that tell whether it is. */
export interface Rendered {
  readonly desired: Desired;
  readonly fingerprint: string;
  readonly settingsFingerprint: string;
}

/** Renders one copy of a secret. Pure. */
export function renderCopy(options: {
  readonly key: Uint8Array;
  readonly secret: FoundSecret;
  /** Makes the value; default: the whole secret as JSON. */
  readonly render?: (data: JsonObject) => string;
  readonly name: string;
  readonly destination: Destination;
  readonly owner: string;
  readonly ref: string;
  readonly source: string;
}): Rendered {
  const { key, secret, render = renderValue, name, destination, owner, ref, source } = options;
  const value = render(secret.data);
  const settings = [name, shapeOf(destination)];
  const fingerprint = fingerprintOf(key, [...settings, value]);
  const stamp: Stamp = { owner, ref, source, version: secret.version, fingerprint };
  return {
    desired: {
      name,
      value,
      marks: marksOf(stamp),
      destination,
      versionIdAfter: (replaced) => versionIdOf(key, stamp, replaced),
    },
    fingerprint,
    settingsFingerprint: fingerprintOf(key, settings),
  };
}

/** The whole secret as JSON text with sorted keys; numbers keep every digit. */
export function renderValue(data: JsonObject): string {
  return JSON.stringify(sortKeys(data));
}

function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return value;
  // An object without a prototype: a key such as `__proto__` is a key like any other.
  const sorted = Object.create(null) as JsonObject;
  for (const key of Object.keys(value).sort()) sorted[key] = sortKeys((value as JsonObject)[key] ?? null);
  return sorted;
}

/** What of a destination shows in the copy: everything but where it is and who writes it. */
function shapeOf(destination: Destination): unknown {
  return Object.entries(destination).map(([store, fields]) => [
    store,
    Object.entries(fields ?? {})
      .filter(([field]) => !['name', 'roleArn', 'region', 'vaultUrl', 'vaultName', 'project'].includes(field))
      .map(([field, value]) => [field, typeof value === 'object' ? Object.entries(value).sort() : value])
      .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
  ]);
}
