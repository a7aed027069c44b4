import { type SyncStatus, syncKeyOf, type VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import type {
  Announcement,
  ManifestHandlers,
  Manifests,
  StatusChange,
  StatusOutcome,
} from '../../src/operator/manifests/contract.ts';

/** Manifests in memory, as several replicas may share them. */
export class FakeManifests implements Manifests {
  readonly statuses = new Map<string, SyncStatus>();
  /** Every status written, in order. */
  readonly written: SyncStatus[] = [];
  readonly announced: Announcement[] = [];
  readonly finalizers = new Set<string>();
  readonly removed: string[] = [];
  /** Thrown by the next writes, one after the other. */
  readonly failures: unknown[] = [];
  /** Every write waits for this. */
  held: Promise<void> = Promise.resolve();
  /** Called before each write reaches the store. */
  beforeWrite: () => void = () => undefined;
  unseen: string | null = null;
  handlers: ManifestHandlers | null = null;

  async start(handlers: ManifestHandlers): Promise<void> {
    this.handlers = handlers;
  }

  statusOf(sync: VaultSecretSync): SyncStatus | null {
    return this.statuses.get(syncKeyOf(sync)) ?? null;
  }

  async writeStatus(sync: VaultSecretSync, { before, after }: StatusChange): Promise<StatusOutcome> {
    await this.held;
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.beforeWrite();
    if (this.statusOf(sync) !== before) return 'outdated';
    this.statuses.set(syncKeyOf(sync), after);
    this.written.push(after);
    return 'written';
  }

  async setFinalizer(sync: VaultSecretSync, present: boolean): Promise<void> {
    if (present) this.finalizers.add(syncKeyOf(sync));
    else this.finalizers.delete(syncKeyOf(sync));
  }

  async removeAnnotations(_sync: VaultSecretSync, names: readonly string[]): Promise<void> {
    this.removed.push(...names);
  }

  announce(_sync: VaultSecretSync, event: Announcement): void {
    this.announced.push(event);
  }

  problem(): string | null {
    return this.unseen;
  }

  async close(): Promise<void> {
    this.handlers = null;
  }

  /** What somebody else wrote, or an API server that keeps no order of fields gave back. */
  put(sync: VaultSecretSync, status: SyncStatus): void {
    const fields = Object.entries(JSON.parse(JSON.stringify(status)) as SyncStatus);
    this.statuses.set(syncKeyOf(sync), Object.fromEntries(fields.reverse()));
  }
}
