import type { DestinationStatus, SyncStatus } from '../crd/status.ts';
import { isPlace } from '../sync/written-places.ts';

/** Bytes of a status: everybody who watches the resource reads it, and the API server keeps it. */
const mostBytes = 65_536;
/** Entries of `destinations`, and bytes of what must not be lost of them: places and roles. */
export const mostPlaces = 64;
export const mostPlaceBytes = 20_480;
/** Bytes of `sourceMounts`. */
const mostMountBytes = 12_288;
/** Copies that `failures` and `stoppedDeletions` name. */
export const namesShown = 10;

/** Texts are cut at these, the longest first, until a status fits. The CRD has the limits of each. In characters. */
const textLimits = [4096, 1024, 512, 256, 128, 64, 32] as const;

/**
 * A status that the CRD takes and that stays small, however many copies a sync has and however long its texts are: texts
 * are cut evenly, for a sentence says most at its beginning. Pure.
 */
export function bounded(status: SyncStatus): SyncStatus {
  const listed = withinLists(status);
  for (const limit of textLimits) {
    const shorter = withTexts(listed, limit);
    if (bytesOf(shorter) <= mostBytes) return shorter;
  }
  return withTexts(listed, 0);
}

/** Bytes of the places and roles among destinations. Pure. */
export function placeBytes(destinations: readonly DestinationStatus[]): number {
  return bytesOf(
    destinations.map(({ destination, roleArn, externalId, auth }) => [destination, roleArn, externalId, auth]),
  );
}

function withinLists(status: SyncStatus): SyncStatus {
  const { destinations, sourceMounts, failures, stoppedDeletions } = status;
  return {
    ...status,
    ...(destinations ? { destinations: placesFirst(destinations).slice(0, mostPlaces) } : {}),
    ...(sourceMounts ? { sourceMounts: fitting(sourceMounts, mostMountBytes) } : {}),
    ...(failures ? { failures: failures.slice(0, namesShown) } : {}),
    ...(stoppedDeletions
      ? { stoppedDeletions: { ...stoppedDeletions, names: stoppedDeletions.names.slice(0, namesShown) } }
      : {}),
  };
}

/** Where copies can be must not be forgotten; the rest only counts what could not be named. */
function placesFirst(destinations: readonly DestinationStatus[]): DestinationStatus[] {
  const isNone = ({ destination }: DestinationStatus) => Number(!isPlace(destination));
  return destinations.toSorted((one, other) => isNone(one) - isNone(other));
}

/** The first entries that fit. A mount that is left out proves nothing when the ledger is lost: its copies stay. */
function fitting<Entry>(entries: readonly Entry[], limit: number): Entry[] {
  let left = limit;
  return entries.filter((entry) => {
    left -= bytesOf(entry) + 1;
    return left >= 0;
  });
}

function withTexts(status: SyncStatus, limit: number): SyncStatus {
  const upTo = (text: string, most: number) => cut(text, Math.min(limit, most));
  const { conditions, destinations, failures, stoppedDeletions, lastHandledReconcileAt } = status;
  return {
    ...status,
    ...(conditions
      ? {
          conditions: conditions.map((condition) => ({
            ...condition,
            reason: cut(condition.reason, 128),
            message: upTo(condition.message, 4096),
          })),
        }
      : {}),
    ...(destinations
      ? {
          destinations: destinations.map(({ unswept, ...rest }) => ({
            ...rest,
            ...(unswept === undefined ? {} : { unswept: upTo(unswept, 1024) }),
          })),
        }
      : {}),
    ...(failures
      ? {
          failures: failures.map(({ destination, name, reason, message }) => ({
            destination: cut(destination, 512),
            name: upTo(name, 512),
            reason: cut(reason, 128),
            message: upTo(message, 1024),
          })),
        }
      : {}),
    ...(stoppedDeletions
      ? { stoppedDeletions: { ...stoppedDeletions, names: stoppedDeletions.names.map((name) => upTo(name, 1024)) } }
      : {}),
    ...(lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt: cut(lastHandledReconcileAt, 256) }),
  };
}

/** At most so many characters, none of them halved. */
function cut(text: string, limit: number): string {
  // A character is one or two units of a text: no more of it need be looked at.
  return text.length <= limit ? text : [...text.slice(0, 2 * limit)].slice(0, limit).join('');
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
