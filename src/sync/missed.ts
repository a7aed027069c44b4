import type { Candidate } from './outcome.ts';
import { ownRecord } from './outcome.ts';
import { staleLimitMs } from './plan.ts';
import type { CopyRecord } from './ports.ts';
import type { UnitReading } from './reading.ts';
import type { SecretWork } from './secret-work.ts';

/** Versions of one secret that no audit entry told of. */
export interface Missed {
  readonly sync: string;
  readonly mount: string;
  readonly name: string;
  /** The first and the last of them. */
  readonly from: number;
  readonly to: number;
  /** What showed it: a later entry, or a full reconcile that found a version of which nothing was heard. */
  readonly seenBy: 'event' | 'reconcile';
}

/**
 * Versions between the one that was followed last and the lowest that was heard of, or, in a full reconcile, up to the one
 * that Vault has; null = none, or nobody can tell: KV v1, a pinned version, several secrets in one, a new life of the
 * secret, a manifest that was edited since (it may have been suspended). Pure.
 */
export function missedVersions(
  { heard, only, backfill, place, world }: SecretWork,
  { candidate, reading, record }: { candidate: Candidate; reading: UnitReading; record: CopyRecord | null },
): Missed | null {
  const { resolved } = candidate;
  const followed = ownRecord(record, candidate);
  const { read, parts } = reading;
  if (!followed?.version || parts !== null || resolved.spec.source.version !== undefined) return null;
  if (!read.found || read.version === null || read.createdTime === null) return null;
  if (followed.generation !== resolved.sync.generation || followed.syncCreatedAt !== resolved.sync.createdAt)
    return null;
  if (followed.state === 'deleted') return null;
  const of = { sync: resolved.key, mount: place.mount, name: place.name, from: followed.version + 1 };
  if (heard !== null) {
    if (heard.version === null) return null;
    const to = (heard.lowest ?? heard.version) - 1;
    return to >= of.from && read.version > to ? { ...of, to, seenBy: 'event' } : null;
  }
  // A young version may still be on its way to us, and a copy that is tried again was heard of before.
  const isFull = backfill === true && only === undefined;
  const isYoung = world.now() - Date.parse(read.createdTime) < staleLimitMs;
  return isFull && !isYoung && read.version >= of.from ? { ...of, to: read.version, seenBy: 'reconcile' } : null;
}
