import type { SyncError } from '../errors.ts';
import { isProvenByMark, leaveToOther, leaveUnproven, lookAtCopy, noteStale, wasReadTooEarly } from './absence.ts';
import { type Deferred, reconcileCopy } from './copy.ts';
import { isBehind, isCertainlyGone, isOldReading, isSuperseded } from './doubt.ts';
import { parseSourceKey } from './marks.ts';
import { missedVersions } from './missed.ts';
import { type Candidate, ownRecord } from './outcome.ts';
import type { CopyRecord, CopyResult } from './ports.ts';
import { Readings, type UnitReading } from './reading.ts';
import { collisionWith, refuseCopy, refusedId, secretsMeet } from './refused.ts';
import type { ResolvedSync } from './resolve.ts';
import type { Gathered, SecretWork, UnitWork } from './secret-work.ts';
import { unitOf } from './unit.ts';

/** A copy that is leased, and whose secret has been read. */
export interface Ready {
  readonly candidate: Candidate;
  readonly unit: UnitWork;
  readonly record: CopyRecord | null;
}

/** Brings one copy in sync, unless there is a reason to leave it. */
export async function reconcileCandidate(work: SecretWork, ready: Ready, gathered: Gathered): Promise<void> {
  const result = await decideCandidate(work, ready, gathered);
  if (result === 'deferred') gathered.deferred.push(ready.candidate.wanted.id);
  else if (result) gathered.results.push(result);
}

async function decideCandidate(
  work: SecretWork,
  { candidate, unit, record }: Ready,
  gathered: Gathered,
): Promise<CopyResult | Deferred | null> {
  const { world, signal } = work;
  const { resolved, wanted } = candidate;
  const { read } = unit.reading;
  if (isSuperseded(world, resolved)) return null;
  // Somebody must follow what was heard: if not we, whoever takes the job when it comes back.
  if (isBehind(resolved, record) || (await isDoubtful(work, { candidate, reading: unit.reading, record }))) {
    gathered.isStale = true;
    return null;
  }
  const missed = missedVersions(work, { candidate, reading: unit.reading, record });
  if (missed) gathered.missed.push(missed);
  const own = ownRecord(record, candidate);
  if (read.found && resolved.selectsMetadata?.(read.customMetadata) === false) {
    // Not selected any more, or never was: what there may be left is dealt with by a reconcile of the whole sync.
    if (own && wasReadTooEarly(own)) await world.ledger.forget(wanted.id);
    else if (own && own.state !== 'deleted') gathered.resync.push(resolved.key);
    return null;
  }
  if (!read.found) {
    const { mount } = work.place;
    if (resolved.selectsMetadata && own === null) return null;
    if (!(await isCertainlyGone(world, { read, mount, own, resolved }))) {
      const known = own?.state === 'deleted' ? null : work.listed?.get(wanted.id);
      const observed = known === undefined ? await lookAtCopy(world, candidate, signal) : known;
      if (!isProvenByMark(candidate, read, observed)) {
        return leaveUnproven(candidate, { world, read, record, observed });
      }
    }
    if (record !== null && own === null && record.sync === resolved.key) {
      await world.ledger.forget(refusedId(resolved, wanted));
      return leaveToOther(world, candidate);
    }
  }
  const collision = collisionWith(record, candidate) ?? (read.found ? await meetingOf(work, candidate) : null);
  if (collision) {
    const { into, source, key } = wanted;
    return refuseCopy({ world, resolved, into, source, key, error: collision });
  }
  return reconcileCopy({
    ...candidate,
    world,
    record,
    signal,
    verify: work.verify || work.unsure === true,
    unsure: work.unsure ?? false,
    backfill: work.backfill ?? false,
    deletions: work.deletions ?? 'admit',
    released: work.released ?? new Set(),
    heard: work.heard,
    reading: unit.reading,
    content: unit.content,
    listed: work.listed?.get(wanted.id) ?? null,
  });
}

/** The error for a copy that an earlier secret of the same sync leads to; null when there is none, or it is gone. */
async function meetingOf(work: SecretWork, candidate: Candidate): Promise<SyncError | null> {
  const { resolved, wanted } = candidate;
  for (const source of work.meetings?.get(wanted.id) ?? []) {
    if (source === wanted.source) return null;
    if (await isThere(work, resolved, source)) return secretsMeet(candidate, source);
  }
  return null;
}

/** Whether a sync selects what Vault has of a source. Where Vault does not tell, it had better be so. */
async function isThere({ world, signal }: SecretWork, resolved: ResolvedSync, source: string): Promise<boolean> {
  const unit = unitOf(resolved, parseSourceKey(source).places[0]);
  if (!unit) return false;
  try {
    const { read } = await new Readings(world.reader(resolved.vault), signal).of(world, unit);
    return read.found && resolved.selectsMetadata?.(read.customMetadata) !== false;
  } catch {
    return true;
  }
}

/** Whether a reading is an older one; then it is noted since when Vault has answered so. */
export async function isDoubtful(
  { world, heard, place }: SecretWork,
  of: { candidate: Candidate; reading: UnitReading; record: CopyRecord | null },
): Promise<boolean> {
  const { candidate, reading, record } = of;
  const own = ownRecord(record, candidate);
  if (!isOldReading(world, { unit: candidate.unit, reading, heard, place, record, own })) return false;
  if (record === null || own !== null) await noteStale(world, candidate, own);
  return true;
}
