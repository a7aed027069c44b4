import type { SyncStatus, VaultSecretSync } from '../../crd/vault-secret-sync.ts';

/** Where manifests come from and where their status goes: Kubernetes, or a folder of files. */
export interface Manifests {
  /**
   * Resolves once every manifest there is has been handed over; changes follow for as long as it is open.
   * Handlers must not throw.
   */
  start(handlers: ManifestHandlers): Promise<void>;
  /** A sync's status as it stands, our own last word and that of other replicas included; null before the first. */
  statusOf(sync: VaultSecretSync): SyncStatus | null;
  /** Puts a status in the place of another. @throws SyncError when it must be tried again */
  writeStatus(sync: VaultSecretSync, change: StatusChange): Promise<StatusOutcome>;
  /**
   * Holds a sync back from deletion until its copies are dealt with, or lets it go. Does nothing where that is unknown.
   * @throws SyncError when it must be tried again
   */
  setFinalizer(sync: VaultSecretSync, present: boolean): Promise<void>;
  /**
   * Takes annotations away that still say what the sync says. Does nothing where that is unknown, or when the sync is gone.
   * @throws SyncError when it must be tried again
   */
  removeAnnotations(sync: VaultSecretSync, names: readonly string[]): Promise<void>;
  /** Tells people of a change of state. Never throws. */
  announce(sync: VaultSecretSync, event: Announcement): void;
  /** Null when the source of manifests can be reached, else why not. */
  problem(): string | null;
  close(): Promise<void>;
}

export interface ManifestHandlers {
  changed(sync: VaultSecretSync): void;
  /** The sync as it last was. */
  gone(sync: VaultSecretSync): void;
}

export interface StatusChange {
  /** What `statusOf` gave, the very object. */
  readonly before: SyncStatus | null;
  readonly after: SyncStatus;
}

/** `outdated`: the sync or its status has changed since `before`, so `after` must be worked out anew. */
export type StatusOutcome = 'written' | 'outdated' | 'gone';

export interface Announcement {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}
