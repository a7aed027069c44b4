import { isProvenAbsent } from './absence.ts';
import { type HeardVersion, isStale, staleLimitMs } from './plan.ts';
import type { CopyRecord, World } from './ports.ts';
import type { UnitReading } from './reading.ts';
import type { ResolvedSync } from './resolve.ts';
import type { Unit } from './unit.ts';

/** Why a run may have nothing to say of a copy: its manifest, or what Vault answered, may be an older one. */

/** Whether another manifest is known by now, or the sync is gone: then this run has nothing to say any more. */
export function isSuperseded(world: World, resolved: ResolvedSync): boolean {
  return world.generationOf(resolved.key) !== resolved.sync.generation;
}

/** Whether another replica has followed a newer manifest already, which this one has yet to see. Pure. */
export function isBehind({ sync, key }: ResolvedSync, record: CopyRecord | null): boolean {
  if (record?.sync !== key) return false;
  // A resource that was created anew counts its generations from the start.
  if (record.syncCreatedAt !== sync.createdAt) return record.syncCreatedAt > sync.createdAt;
  return record.generation > sync.generation;
}

/** An older reading is doubted, unless it is of the version that was asked for: of that one only its end is remembered. */
export function isOldReading(
  world: World,
  options: {
    readonly unit: Unit;
    readonly reading: UnitReading;
    /** What was heard, and of which secret. */
    readonly heard: HeardVersion | null;
    readonly place: { readonly mount: string; readonly name: string };
    readonly record: CopyRecord | null;
    /** The record, if it is of this very copy. */
    readonly own: CopyRecord | null;
  },
): boolean {
  const { unit, reading, heard, place, record, own } = options;
  const { read, parts } = reading;
  const now = world.now();
  if (unit.resolved.spec.source.version !== undefined) {
    const same = own?.version === read.version ? own : null;
    return isStale({ read, heard: heard && { ...heard, version: null }, record: same, now });
  }
  // Beside another's record there is no place to note since when we doubt: there, doubt lasts a minute from the hearing.
  const isOver = record !== null && own === null && heard !== null && now - heard.versionAt >= staleLimitMs;
  const doubted = isOver ? null : heard;
  if (parts === null) return isStale({ read, heard: doubted, record: own, now });
  return parts.some((part, index) => {
    const before = own?.parts?.[index];
    // What was heard is of one of the merged secrets; which one the place tells.
    const about = reading.places[index];
    const isHeard = about?.mount === place.mount && about.name === place.name;
    const state: CopyRecord['state'] = before?.gone ? 'deleted' : 'synced';
    const followed = own && before ? { ...own, ...before, state } : null;
    return isStale({ read: { ...part, found: !part.gone }, heard: isHeard ? doubted : null, record: followed, now });
  });
}

/** Whether a source that Vault says is not there is certainly gone. */
export async function isCertainlyGone(
  world: World,
  options: {
    readonly read: Extract<UnitReading['read'], { found: false }>;
    readonly mount: string;
    readonly own: CopyRecord | null;
    readonly resolved: ResolvedSync;
  },
): Promise<boolean> {
  const { read, mount, own, resolved } = options;
  // Of a pinned version only its own metadata says that it is gone: it may never have been.
  if (resolved.spec.source.version !== undefined && read.because === 'notFound') return false;
  return isProvenAbsent(world, { read, mount, own, sync: resolved.key });
}
