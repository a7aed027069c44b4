import { SyncError } from '../errors.ts';
import type { Difference, Observed } from '../sync-targets/contract.ts';
import type { CopyRecord } from './ports.ts';

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
  | { readonly action: 'delete'; readonly observed: Observed }
  | { readonly action: 'retain'; readonly observed: Observed }
  | { readonly action: 'absent' }
  | { readonly action: 'conflict'; readonly error: SyncError };

export interface PlanInput {
  /** Name and place of the copy, for messages. */
  readonly label: string;
  /** The owner mark that is ours. */
  readonly owner: string;
  /** What the store says; null = certainly absent. */
  readonly observed: Observed | null;
  /** In what it differs from what it must be; null = the source is certainly gone. */
  readonly differences: readonly Difference[] | null;
  readonly adoptionPolicy: 'Never' | 'IfUnowned' | 'Always';
  readonly deletionPolicy: 'Delete' | 'Retain';
}

/**
 * Decides what happens to one copy. Pure.
 *
 *                         | must be there            | source is gone
 *   absent                | create                   | absent
 *   ours                  | update, or unchanged     | delete, or retain
 *   ours, being deleted   | restore                  | absent
 *   nobody's, another's   | adopt, or conflict       | absent (never touched)
 *   a service's           | conflict                 | absent (never touched)
 */
export function planCopy(input: PlanInput): Plan {
  const { observed, differences } = input;
  if (observed === null) return { action: differences === null ? 'absent' : 'create' };
  const ours = observed.owner === input.owner && observed.managedBy === null;
  if (differences === null) {
    if (!ours || observed.existence === 'pendingDeletion') return { action: 'absent' };
    return { action: input.deletionPolicy === 'Delete' ? 'delete' : 'retain', observed };
  }
  if (observed.managedBy !== null)
    return { action: 'conflict', error: managedByAnother(input.label, observed.managedBy) };
  if (!ours) {
    const adoptable =
      input.adoptionPolicy === 'Always' || (input.adoptionPolicy === 'IfUnowned' && observed.owner === null);
    if (!adoptable) return { action: 'conflict', error: ownedByAnother(input.label, observed) };
    return {
      action: 'adopt',
      observed,
      differences,
      why: observed.owner === null ? 'had no owner' : 'belonged to another sync',
    };
  }
  if (observed.existence === 'pendingDeletion')
    return { action: 'restore', observed, differences, why: 'was being deleted' };
  if (differences.length === 0) return { action: 'unchanged', observed };
  return { action: 'update', observed, differences, why: `${differences.join(', ')} differed` };
}

function ownedByAnother(label: string, observed: Observed): SyncError {
  const owner = observed.ref ?? observed.owner;
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
}

/** How long an older reading is doubted before Vault is believed all the same (a snapshot was restored). Milliseconds. */
export const staleLimitMs = 60_000;

/**
 * Whether a reading is what Vault says now, or an older one from a standby that lags. Pure.
 *
 * What was created later is newer: numbers restart at version 1 with each life of a secret (`metadata delete`, then
 * `put`), so a low number can be new life and a high one a reading from the life before. A stale reading is believed all
 * the same once Vault has kept saying so for a minute. (So the first change after a failover to a Vault whose clock is
 * behind waits at most that minute.)
 */
export function isStale(options: {
  readonly read: { readonly version: number | null; readonly createdTime: string | null };
  readonly heard: HeardVersion | null;
  /** What was followed before, of this very secret. */
  readonly record: CopyRecord | null;
  readonly now: number;
}): boolean {
  const { read, heard, record, now } = options;
  if (read.version === null || read.version === 0 || read.createdTime === null) return false;
  const created = Date.parse(read.createdTime);
  const olderThanHeard = heard?.version != null && read.version < heard.version && created <= heard.versionAt;
  if (!olderThanHeard && !isOlderThan(record, { created, version: read.version })) return false;
  return record?.staleSince == null || now - record.staleSince < staleLimitMs;
}

function isOlderThan(record: CopyRecord | null, read: { created: number; version: number }): boolean {
  if (record?.version == null || record.createdTime === null) return false;
  const followed = Date.parse(record.createdTime);
  return read.created < followed || (read.created === followed && read.version < record.version);
}
