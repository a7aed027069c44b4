import type { Destination, Spec } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { Difference, Observed, Target } from '../sync-targets/contract.ts';
import { syncInRef } from './marks.ts';
import type { CopyRecord, Followed } from './ports.ts';

/** What is to be done with one copy. */
export type Plan =
  | { readonly action: 'create' }
  | {
      readonly action: 'update' | 'adopt' | 'restore';
      readonly observed: Observed;
      readonly differences: readonly Difference[];
      readonly why: string;
    }
  | { readonly action: 'unchanged'; readonly observed: Observed }
  /** Left as it is by a policy. */
  | { readonly action: 'skip'; readonly why: string }
  /** Somebody else changed or deleted it, and the policy says to report that. */
  | { readonly action: 'drift'; readonly why: string }
  | { readonly action: 'delete'; readonly observed: Observed }
  | { readonly action: 'retain'; readonly observed: Observed }
  | { readonly action: 'absent' }
  | { readonly action: 'conflict'; readonly error: SyncError };

export interface PlanInput {
  /** Name and place of the copy, for messages. */
  readonly label: string;
  /** The owner mark that is ours. */
  readonly owner: string;
  /** The mark of a sync that has handed the copy over to us; null = none has. */
  readonly formerOwner: string | null;
  /** What the store says; null = certainly absent. */
  readonly observed: Observed | null;
  /** In what it differs from what it must be; null = the source is certainly gone. */
  readonly differences: readonly Difference[] | null;
  /** A copy that is pending deletion is not gone enough yet: the store has more to do (Azure: purge it). */
  readonly hasMoreToRemove?: boolean;
  /** The copy was once just what it must be: whatever differs now is somebody else's doing. */
  readonly wasInSync: boolean;
  readonly policies: Pick<Spec, 'deletionPolicy' | 'driftPolicy' | 'updatePolicy'> & {
    readonly adoptionPolicy: 'Never' | 'IfUnowned' | 'Always';
  };
}

/**
 * Decides what happens to one copy. Pure.
 *
 *                         | must be there                     | source is gone
 *   absent                | create                            | absent
 *   ours                  | update, or unchanged              | delete, or retain
 *   ours, being deleted   | restore                           | absent, or delete what is left of it
 *   nobody's, another's   | adopt, or conflict                | absent (never touched)
 *   a service's           | conflict                          | absent (never touched)
 *
 * Of what must be there, `updatePolicy: IfNotExists` skips all that exists; and what was in sync before and is not any
 * more (it differs, is being deleted or absent) is drift, which `driftPolicy` lets pass, reports or repairs.
 */
export function planCopy(input: PlanInput): Plan {
  const { observed, differences, policies } = input;
  if (differences === null) return planAbsence(input);
  const repairs = !input.wasInSync || policies.driftPolicy === 'Repair';
  if (observed === null) return repairs ? { action: 'create' } : drift(input, 'was deleted');
  const ours = observed.owner === input.owner && observed.managedBy === null;
  const isLive = observed.existence === 'live';
  if (policies.updatePolicy === 'IfNotExists' && isLive) {
    return { action: 'skip', why: 'is there already, and updatePolicy: IfNotExists leaves it as it is' };
  }
  if (observed.managedBy !== null)
    return { action: 'conflict', error: managedByAnother(input.label, observed.managedBy) };
  if (!ours) return planTakeover(input, observed, differences);
  if (!isLive) {
    return repairs
      ? { action: 'restore', observed, differences, why: 'was being deleted' }
      : drift(input, 'is being deleted');
  }
  if (differences.length === 0) return { action: 'unchanged', observed };
  const why = `${differences.join(', ')} differed`;
  return repairs ? { action: 'update', observed, differences, why } : drift(input, why);
}

/** Whether a removal has something left to do with a copy that is pending deletion; see `Target.hasMoreToRemove`. */
export function hasMoreToRemove(
  target: Pick<Target, 'hasMoreToRemove'>,
  observed: Observed | null,
  destination: Destination | undefined,
): boolean {
  if (observed?.existence !== 'pendingDeletion' || destination === undefined) return false;
  return target.hasMoreToRemove?.(observed, destination) ?? false;
}

function planAbsence({ observed, owner, policies, hasMoreToRemove }: PlanInput): Plan {
  const ours = observed?.owner === owner && observed.managedBy === null;
  if (!observed || !ours) return { action: 'absent' };
  if (observed.existence === 'pendingDeletion' && !hasMoreToRemove) return { action: 'absent' };
  return { action: policies.deletionPolicy === 'Delete' ? 'delete' : 'retain', observed };
}

function planTakeover(
  { label, formerOwner, policies }: PlanInput,
  observed: Observed,
  differences: readonly Difference[],
): Plan {
  const { adoptionPolicy } = policies;
  const isHandedOver = formerOwner !== null && observed.owner === formerOwner;
  const adoptable =
    isHandedOver || adoptionPolicy === 'Always' || (adoptionPolicy === 'IfUnowned' && observed.owner === null);
  if (!adoptable) return { action: 'conflict', error: ownedByAnother(label, observed) };
  const whose =
    observed.owner === null
      ? 'had no owner'
      : `belonged to ${observed.ref === null ? 'another sync' : syncInRef(observed.ref)}`;
  return { action: 'adopt', observed, differences, why: isHandedOver ? `${whose}, which gave it up` : whose };
}

function drift({ policies }: PlanInput, what: string): Plan {
  if (policies.driftPolicy === 'Ignore')
    return { action: 'skip', why: `${what} by somebody else; driftPolicy: Ignore` };
  return { action: 'drift', why: `${what} since it was written; driftPolicy: Report leaves it so` };
}

function ownedByAnother(label: string, observed: Observed): SyncError {
  // Not what it is made of: another team's paths are not this one's to see.
  const owner = observed.ref === null ? observed.owner : syncInRef(observed.ref);
  const whose = owner === null ? 'bears no mark of any sync' : `belongs to ${owner}`;
  const policy = observed.owner === null ? 'IfUnowned' : 'Always';
  const state = observed.existence === 'pendingDeletion' ? ' is pending deletion and' : '';
  return new SyncError({
    remedy: 'Conflict',
    reason: 'OwnedByAnother',
    message: `${label}${state} ${whose}; nothing was written. Choose another name, or take it over with adoptionPolicy: ${policy}`,
    ...(owner === null ? {} : { owner }),
  });
}

function managedByAnother(label: string, service: string): SyncError {
  return new SyncError({
    remedy: 'Conflict',
    reason: 'ManagedByService',
    message: `${label} is managed by ${service}, which would overwrite it; nothing was written. Choose another name`,
    owner: service,
  });
}

/** What Vault has told about a path, highest version first; see `Heard` in the shared state. */
export interface HeardVersion {
  readonly version: number | null;
  /** When the highest version was told, Unix time in milliseconds. */
  readonly versionAt: number;
  /** When the latest change was heard of, Unix time in milliseconds. */
  readonly at: number;
  /** The lowest version heard of since the last run, where that is not `version`. */
  readonly lowest?: number | undefined;
}

/** How long an older reading is doubted before Vault is believed all the same (a snapshot was restored). Milliseconds. */
export const staleLimitMs = 60_000;

type FollowedRecord = Pick<
  CopyRecord,
  'version' | 'createdTime' | 'goneForGood' | 'writtenAt' | 'staleSince' | 'unseen' | 'state' | 'at'
>;

/**
 * Whether a reading is what Vault says now, or an older one from a standby that lags. Pure.
 *
 * What was created later is newer: numbers restart at version 1 with each life of a secret (`metadata delete`, then
 * `put`), so a low number can be new life and a high one a reading from the life before. A stale reading is believed all
 * the same once Vault has kept saying so for a minute. That nothing is there at all bears no time, and may be older than
 * the secret itself. (So the first change after a failover to a Vault whose clock is
 * behind waits at most that minute.)
 */
export function isStale(options: {
  readonly read: Followed & { readonly found: boolean };
  readonly heard: HeardVersion | null;
  /** What was followed before, of this very secret. */
  readonly record: FollowedRecord | null;
  readonly now: number;
}): boolean {
  const { read, heard, record, now } = options;
  const isNothing = !read.found && read.version === null;
  const isKnown = heard !== null && isUnseen(heard, record);
  const isBeforeHeard = !isKnown && (isNothing ? isHeardLast(heard) : isOlderThanHeard(read, heard));
  const isBeforeFollowed = isNothing ? isYoung(record, now) : isOlderThan(record, { ...read, heard });
  if (!isBeforeHeard && !isBeforeFollowed) return false;
  if (record?.staleSince == null) return true;
  // What was heard of meanwhile begins the minute anew.
  const since = isBeforeHeard && heard ? Math.max(record.staleSince, heard.versionAt) : record.staleSince;
  return now - since < staleLimitMs;
}

/** Whether this very hearing was doubted, and Vault believed, before. */
function isUnseen({ version, versionAt }: HeardVersion, record: FollowedRecord | null): boolean {
  return version !== null && record?.unseen?.version === version && record.unseen.versionAt === versionAt;
}

/** The last that was heard of is a new version: that nothing is there has not come as far as where we ask. */
function isHeardLast(heard: HeardVersion | null): boolean {
  return heard?.version != null && heard.at <= heard.versionAt;
}

/** What was followed before is less than a minute old: where nothing is there, it may not have come yet. */
function isYoung(record: FollowedRecord | null, now: number): boolean {
  if (record === null || record.version === null || record.state === 'deleted') return false;
  const since = record.createdTime === null ? record.writtenAt : Date.parse(record.createdTime);
  return since !== null && now - since < staleLimitMs;
}

function isOlderThanHeard({ version, createdTime }: Followed, heard: HeardVersion | null): boolean {
  if (!version || createdTime === null || heard?.version == null) return false;
  return version < heard.version && Date.parse(createdTime) <= heard.versionAt;
}

function isOlderThan(
  record: FollowedRecord | null,
  read: Followed & { readonly found: boolean; readonly heard: HeardVersion | null },
): boolean {
  if (record?.version == null || record.createdTime === null) return false;
  if (!read.version || read.createdTime === null) return false;
  const created = Date.parse(read.createdTime);
  const followed = Date.parse(record.createdTime);
  if (created !== followed) return created < followed;
  if (read.version !== record.version) return read.version < record.version;
  // The very version whose end was followed: it is back (`undelete`) if something was heard since, else read too early.
  const mayBeBack = !record.goneForGood && read.heard !== null && read.heard.at > record.at;
  return record.state === 'deleted' && read.found && !mayBeBack;
}
