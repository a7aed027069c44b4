import type { AzureDestination } from '../../crd/destinations/azure.ts';
import { fixSpec } from '../../errors.ts';

/** What a version of a secret says of itself besides its value and its tags. */
export interface Attributes {
  /** False: nobody can read the value. */
  readonly enabled: boolean;
  /** Unix times in milliseconds, of whole seconds; null = none. */
  readonly notBefore: number | null;
  readonly expires: number | null;
}

const units = { d: 86_400_000, h: 3_600_000 } as const;

/** The SDK writes seconds as 32-bit numbers. */
const lastTime = Date.parse('2038-01-19T03:14:07Z');

/**
 * How far an expiry may be from where `expiresAfter` puts it, in milliseconds: Azure's clock tells when a version was
 * made, and ours when it expires. What is put right counts by Azure's clock alone, so it is never put right twice.
 */
const clockDifferenceMs = 5 * 60_000;

/**
 * The attributes of a version that is written at this time (Unix, milliseconds); `expiresAfter` counts from there.
 * @throws SyncError `FixSpec` for times that Azure cannot be told, or that contradict each other
 */
export function attributesAt(destination: AzureDestination, writtenAt: number): Attributes {
  const { enabled = true, notBefore, expires, expiresAfter } = destination;
  const attributes: Attributes = {
    enabled,
    notBefore: timeOf(notBefore),
    expires: expiresAfter === undefined ? timeOf(expires) : wholeSecond(writtenAt + lengthOf(expiresAfter)),
  };
  const last = Math.max(attributes.expires ?? 0, attributes.notBefore ?? 0);
  if (last > lastTime) {
    const text = `dest.azure: the time ${new Date(last).toISOString()} is after 2038-01-19, the last one that Azure can be told: choose an earlier one`;
    throw fixSpec('TimeInvalid', text);
  }
  if (attributes.notBefore !== null && attributes.expires !== null && attributes.expires <= attributes.notBefore) {
    const text = `dest.azure: the copy would expire (${new Date(attributes.expires).toISOString()}) before it is valid: put notBefore earlier, or lengthen expiresAfter`;
    throw fixSpec('TimeInvalid', text);
  }
  return attributes;
}

/** The attributes in which an observed version differs. What the manifest does not say may be as somebody set it. */
export function attributesThatDiffer(
  destination: AzureDestination,
  observed: Attributes & { readonly createdAt: number },
): readonly (keyof Attributes)[] {
  const wanted = attributesAt(destination, observed.createdAt);
  const tolerance = destination.expiresAfter === undefined ? 0 : clockDifferenceMs;
  const differ: (keyof Attributes)[] = [];
  if (wanted.enabled !== observed.enabled) differ.push('enabled');
  if (isElsewhere(wanted.notBefore, observed.notBefore, 0)) differ.push('notBefore');
  if (isElsewhere(wanted.expires, observed.expires, tolerance)) differ.push('expires');
  return differ;
}

function isElsewhere(wanted: number | null, observed: number | null, tolerance: number): boolean {
  if (wanted === null) return false;
  return observed === null || Math.abs(wanted - observed) > tolerance;
}

function timeOf(time: string | undefined): number | null {
  return time === undefined ? null : Date.parse(time);
}

function lengthOf(time: string): number {
  return Number(time.slice(0, -1)) * units[time.endsWith('h') ? 'h' : 'd'];
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
