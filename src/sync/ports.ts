import type { DestinationStatus } from '../crd/status.ts';
import type { Destination, VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Rate, Target } from '../sync-targets/contract.ts';
import type { VaultReader } from '../vault/contract.ts';
import type { PolicyCheck } from './policies.ts';

/**
 * What deciding and applying need from outside. `cli` hands these in; none of them knows what a sync is.
 */
export interface World {
  /** Name of the installation: part of every owner mark. */
  readonly installation: string;
  /** Key of fingerprints and version ids. */
  readonly fingerprintKey: Uint8Array;
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly allows: PolicyCheck;
  readonly vaults: readonly KnownVault[];
  readonly defaultAdoptionPolicy: 'Never' | 'IfUnowned' | 'Always';
  /** `paused` stops every write and deletion at once. */
  writes(): 'enabled' | 'paused';
  /** The reader of a Vault, by the Vault's name, under the identity that serves this sync. */
  reader(vault: string): VaultReader;
  /**
   * The target that serves a destination of a sync in `namespace`, where the identity that it names is looked for;
   * opened once per place and identity. @throws SyncError `FixSpec`
   */
  target(destination: Destination, namespace: string): Promise<Target>;
  /**
   * The target behind a place that a sync in `namespace` wrote before, whether or not a manifest still leads there;
   * null = unknown kind.
   */
  targetAt(place: WrittenPlace, namespace: string): Promise<Target | null>;
  /** Resolves once `places` stand in the sync's status, so that a lost ledger never hides a copy. Before the first write. */
  recordPlaces(sync: VaultSecretSync, places: readonly WrittenPlace[]): Promise<void>;
  /** `metadata.generation` of a sync as it stands now; null when there is no such sync, or it is going away. */
  generationOf(sync: string): number | null;
  /**
   * The sync that was created before this one and is known to want the same copy too, whether or not it has tried yet;
   * null = none. Knows only copies that follow from manifests alone, see `literalCopies`.
   */
  earlierRival(copy: string, sync: VaultSecretSync): string | null;
  readonly deletions: DeletionLog;
  readonly budgets: Budgets;
  /** Asks for another try of copies that somebody else gave up. */
  wake(copies: readonly WaitingCopy[]): Promise<void>;
  /** Called for each copy that was looked at, for metrics and logs. */
  onCopy(result: CopyResult): void;
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds that a store may take for one call before its copy is parked and the path freed; default 5,000. */
  readonly storeTimeLimitMs?: number;
}

export interface KnownVault {
  readonly name: string;
  readonly address: string;
  readonly aliases: readonly string[];
  readonly namespaces: boolean;
}

/**
 * How a copy stands:
 * - `synced`    as Vault says
 * - `failed`    could not be brought in sync; tried again where that makes sense
 * - `conflict`  belongs to somebody else
 * - `retained`  nothing in Vault asks for it any more, and the policy keeps it
 * - `drifted`   somebody else changed or deleted it, and `driftPolicy` says to report that
 * - `waiting`   its source is gone, and `deletionGracePeriod` has not passed yet
 * - `guarded`   its source is gone, and the deletion guard stopped its deletion
 * - `dryRun`    looked at by a dry run
 * - `deleted`   was deleted a while ago: remembered so that no older reading brings it back
 */
export type CopyState =
  | 'synced'
  | 'failed'
  | 'conflict'
  | 'retained'
  | 'drifted'
  | 'waiting'
  | 'guarded'
  | 'dryRun'
  | 'deleted';

/** Whether a status names copies that stand like this. */
export function isUnwell(state: CopyState): boolean {
  return state === 'failed' || state === 'conflict' || state === 'drifted' || state === 'guarded';
}

/** What the ledger remembers of one copy. */
export interface CopyRecord {
  readonly sync: string;
  /** Place of the copy: its target's scope. */
  readonly destination: string;
  /** The source's place, see `sourceKeyOf`. */
  readonly source: string;
  readonly name: string;
  readonly state: CopyState;
  /** The key of the secret that the copy is made of, with `granularity: key`; null for the whole secret. */
  readonly key: string | null;
  /** KV v2 version last followed, whatever became of it; 0 for KV v1; null before the first. Of merged secrets: the sum. */
  readonly version: number | null;
  /** `created_time` of that version, RFC 3339; null for KV v1. Of merged secrets: the latest. */
  readonly createdTime: string | null;
  /** Of merged secrets: what was followed of each, in their order. */
  readonly parts?: readonly Followed[];
  /** Keyed fingerprint of everything rendered; null when nothing was written. */
  readonly fingerprint: string | null;
  /** Keyed fingerprint of the value, which the copy's marks tell too. */
  readonly valueFingerprint: string | null;
  /** Keyed fingerprint of all but the value: tells whether a write of the value alone suffices. */
  readonly settingsFingerprint: string | null;
  /** The store's id of the version written, and when. */
  readonly versionId: string | null;
  readonly writtenAt: number | null;
  /** Uuid of the mount that the source was last read from: part of a proof of absence. */
  readonly mountUuid: string | null;
  /** Of what was deleted: its source cannot come back as it was, see `Followed`. */
  readonly goneForGood?: true;
  /** Since when Vault has answered with an older reading than what was heard or written; null = it has not. */
  readonly staleSince: number | null;
  /** What was heard, and not seen in Vault for so long that Vault was believed all the same: it is not doubted for that again. */
  readonly unseen?: { readonly version: number; readonly versionAt: number };
  /** Since when the source is known to be gone, Unix time in milliseconds; null while it is there. */
  readonly goneSince: number | null;
  /** When the sync was created, Unix time in milliseconds: of two that want a copy nobody has written, the earlier gets it. */
  readonly syncCreatedAt: number;
  /** `metadata.generation` of the manifest that this follows. */
  readonly generation: number;
  readonly reason: string;
  readonly message: string;
  /** True for a failure that only an edit (or the other owner) can cure. */
  readonly stalled: boolean;
  /** Somebody should look at it; see `isUnwell`. */
  readonly unwell: boolean;
  readonly at: number;
}

/** One reading that was followed. */
export interface Followed {
  readonly version: number | null;
  readonly createdTime: string | null;
  /** Of one of several merged secrets: it was gone. */
  readonly gone?: true;
  /** What was gone cannot come back as it was: it was destroyed, or nothing is left of it. */
  readonly goneForGood?: true;
}

/** The part of a record that tells of the last write, before there was any. */
export const nothingWritten = {
  version: null,
  createdTime: null,
  fingerprint: null,
  valueFingerprint: null,
  settingsFingerprint: null,
  versionId: null,
  writtenAt: null,
  mountUuid: null,
} as const;

export interface Ledger {
  get(copies: readonly string[]): Promise<(CopyRecord | null)[]>;
  record(copy: string, record: CopyRecord): Promise<void>;
  forget(copy: string): Promise<void>;
  ofSync(sync: string): AsyncIterable<{ readonly copy: string; readonly entry: CopyRecord }>;
  /** Copies of a sync that are unwell. */
  unwellOf(sync: string): AsyncIterable<{ readonly copy: string; readonly entry: CopyRecord }>;
  /** Copies of a sync by place and state. */
  counts(sync: string): Promise<Record<string, Record<string, number>>>;
  recall(sync: string, fact: string): Promise<string | null>;
  remember(sync: string, fact: string, value: string): Promise<void>;
  forgetSync(sync: string): Promise<void>;
}

/** A place that holds copies, and how it was reached. */
export interface WrittenPlace {
  /** The scope of a target, e.g. `aws:eu-west-1:123456789012`. */
  readonly destination: string;
  /** AWS role that was assumed to write there. */
  readonly roleArn?: string;
  /** The external id that the role asked for. */
  readonly externalId?: string;
  /** The identity of the sync's namespace by which it was written. */
  readonly auth?: NonNullable<DestinationStatus['auth']>;
}

/** A copy that a sync wants and somebody else has. */
export interface WaitingCopy {
  readonly sync: string;
  /** The ledger id of its complaint. */
  readonly copy: string;
  readonly source: string;
}

/** Remembers deletions of the last minutes, for the guard. */
export interface DeletionLog {
  /** Notes that these copies are about to be deleted, all of them or, when that would make more than `limit`, none. */
  admit(
    sync: string,
    options: { copies: readonly string[]; limit: number; windowMs: number; now: number },
  ): Promise<boolean>;
  /** Copies deleted within the last `windowMs`. */
  count(sync: string, options: { windowMs: number; now: number }): Promise<number>;
  /** Which copies those are. */
  noted(sync: string, options: { windowMs: number; now: number }): Promise<readonly string[]>;
}

/** Calls to stores are paid for from buckets that every process of the installation shares. */
export interface Budgets {
  /** Resolves when one call may be made. What events ask for goes before `backfill`. @throws when `signal` aborts */
  take(bucket: string, options: { rate: Rate; backfill: boolean; signal: AbortSignal }): Promise<void>;
  /** The store said to slow down: the bucket gives less for a while, and nothing for `retryAfterMs`. */
  slowDown(bucket: string, options: { rate: Rate; retryAfterMs: number | null }): Promise<void>;
}

export interface Leases {
  acquire(
    keys: readonly string[],
    options: { waitMs: number; signal?: AbortSignal },
  ): Promise<{ readonly signal: AbortSignal; release(): Promise<void> } | null>;
}

/** What became of one copy. */
export type CopyChange =
  | 'created'
  | 'updated'
  | 'metadataUpdated'
  | 'adopted'
  | 'restored'
  | 'deleted'
  | 'unchanged'
  | 'absent'
  | 'retained'
  | 'conflict'
  | 'failed'
  | 'drifted'
  | 'waiting'
  | 'guarded'
  | 'skipped'
  | 'dryRun'
  | 'paused';

export interface CopyResult {
  readonly sync: string;
  readonly copy: string;
  readonly store: 'aws' | 'azure' | 'gcp';
  readonly destination: string;
  readonly name: string;
  readonly source: string;
  readonly change: CopyChange;
  /** What a dry run would have done; else the same as `change`. */
  readonly planned: CopyChange;
  /** Why it failed or conflicts, or what differed; '' when there is nothing to say. Never a value. */
  readonly message: string;
  readonly reason: string;
  /** First 8 hex of the keyed fingerprints of what must be there and of what is; null = not known. They tell no value. */
  readonly fingerprints: { readonly wanted: string | null; readonly found: string | null };
  /** A copy that the manifest does not ask for any more: it is tried again with the whole sync. */
  readonly isLeftover?: true;
  /** Set when trying again makes sense. */
  readonly retry: { readonly afterMs: number | null; readonly countsAsAttempt: boolean } | null;
}
