import type { SyncStatus, VaultSecretSync } from '../../crd/vault-secret-sync.ts';

/** Where manifests come from and where their status goes: Kubernetes, or a folder of files. */
export interface Manifests {
  /**
   * Resolves once every manifest there is has been handed over; changes follow for as long as it is open.
   * Handlers must not throw.
   */
  start(handlers: ManifestHandlers): Promise<void>;
  /** Writes a sync's status, if it changed. A sync that is gone meanwhile is no error. @throws when it must be tried again */
  writeStatus(sync: VaultSecretSync, status: SyncStatus): Promise<void>;
  /** Holds a sync back from deletion until its copies are dealt with, or lets it go. Does nothing where that is unknown. */
  setFinalizer(sync: VaultSecretSync, present: boolean): Promise<void>;
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

export interface Announcement {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}
