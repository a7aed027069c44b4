import type { Destination, VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Target } from '../sync-targets/contract.ts';
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
  /** The target that serves a destination; opened once per place. @throws SyncError `FixSpec` */
  target(destination: Destination): Promise<Target>;
  /** The target behind a place that this process has opened before; null when it has not. */
  targetAt(scope: string): Target | null;
  /** Resolves once `places` stand in the sync's status, so that a lost ledger never hides a copy. Before the first write. */
  recordPlaces(sync: VaultSecretSync, places: readonly string[]): Promise<void>;
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

/** `retained`: the source is gone, the copy stays by policy. */
export type CopyState = 'synced' | 'failed' | 'conflict' | 'retained' | 'dryRun';

/** What the ledger remembers of one copy. */
export interface CopyRecord {
  readonly sync: string;
  /** Place of the copy: its target's scope. */
  readonly destination: string;
  /** The source's place, see `sourceKeyOf`. */
  readonly source: string;
  readonly name: string;
  readonly state: CopyState;
  /** KV v2 version last followed, whatever became of it; 0 for KV v1; null before the first. */
  readonly version: number | null;
  /** `created_time` of that version, RFC 3339; null for KV v1. */
  readonly createdTime: string | null;
  /** Keyed fingerprint of everything rendered; null when nothing was written. */
  readonly fingerprint: string | null;
  /** Keyed fingerprint of all but the value: tells whether a write of the value alone suffices. */
  readonly settingsFingerprint: string | null;
  /** The store's id of the version written, and when. */
  readonly versionId: string | null;
  readonly writtenAt: number | null;
  /** Uuid of the mount that the source was last read from: part of a proof of absence. */
  readonly mountUuid: string | null;
  /** Since when Vault has answered with an older reading than what was heard or written; null = it has not. */
  readonly staleSince: number | null;
  /** `metadata.generation` of the manifest that this follows. */
  readonly generation: number;
  readonly reason: string;
  readonly message: string;
  /** True for a failure that only an edit (or the other owner) can cure. */
  readonly stalled: boolean;
  readonly at: number;
}

/** The part of a record that tells of the last write, before there was any. */
export const nothingWritten = {
  version: null,
  createdTime: null,
  fingerprint: null,
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
  recall(sync: string, fact: string): Promise<string | null>;
  remember(sync: string, fact: string, value: string): Promise<void>;
  forgetSync(sync: string): Promise<void>;
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
  | 'adopted'
  | 'restored'
  | 'deleted'
  | 'unchanged'
  | 'absent'
  | 'retained'
  | 'conflict'
  | 'failed'
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
  /** Set when trying again makes sense. */
  readonly retry: { readonly afterMs: number | null; readonly countsAsAttempt: boolean } | null;
}
