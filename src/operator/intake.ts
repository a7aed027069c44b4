import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Logger } from '../logging.ts';
import type { State } from '../state/contract.ts';
import { restoreMounts } from '../sync/absence.ts';
import { literalCopies } from '../sync/literal-copies.ts';
import type { CopyRecord, World } from '../sync/ports.ts';
import type { Leader } from './leader.ts';
import type { ManifestHandlers } from './manifests/contract.ts';
import { asksAnew, type Wishes, wishesOf } from './requests.ts';
import type { Rivals } from './rivals.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Syncs } from './syncs.ts';

/** Milliseconds until a sync is taken up again after the shared state was away. */
const againMs = 5_000;

export interface IntakeOptions {
  readonly world: Pick<World, 'target' | 'allows'>;
  readonly state: Pick<State<CopyRecord>, 'ledger'>;
  readonly syncs: Syncs;
  readonly rivals: Rivals;
  readonly statuses: Pick<StatusWriter, 'touch' | 'forget'>;
  readonly leader: Pick<Leader, 'follow'>;
  readonly logger: Logger;
}

/** Takes manifests up as they come: what they say holds at once, and the leader asks for what they wish. */
export class Intake implements ManifestHandlers {
  readonly #options: IntakeOptions;
  /** What was last seen of each sync that a reconcile follows. */
  readonly #wishes = new Map<string, Wishes>();
  readonly #taking = new Set<Promise<void>>();
  readonly #again = new Set<NodeJS.Timeout>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  changed(sync: VaultSecretSync): void {
    const key = syncKeyOf(sync);
    const taking = this.#take(sync)
      .catch((error: unknown) => {
        this.#options.logger.warn({ sync: key, err: error }, 'sync not taken up yet; it is tried again soon');
        this.#takeAgain(key);
      })
      .finally(() => this.#taking.delete(taking));
    this.#taking.add(taking);
  }

  /** The object is gone, or its file: what it leaves behind is dealt with as if it had been told to go. */
  gone(sync: VaultSecretSync): void {
    const { syncs, statuses, rivals } = this.#options;
    const key = syncKeyOf(sync);
    const known = syncs.get(key);
    if (!known) return;
    this.#wishes.delete(key);
    if (!known.sync.deleting) {
      this.changed({ ...sync, deleting: true });
      return;
    }
    // It was held back until its copies were dealt with.
    syncs.delete(key);
    rivals.delete(key);
    statuses.forget(key);
  }

  /** Resolves once everything that came so far is taken up. */
  async settled(): Promise<void> {
    await Promise.all(this.#taking);
  }

  close(): void {
    for (const timer of this.#again) clearTimeout(timer);
  }

  async #take(sync: VaultSecretSync): Promise<void> {
    const { world, state, syncs, rivals, statuses, leader } = this.#options;
    const key = syncKeyOf(sync);
    const before = this.#wishes.get(key) ?? null;
    const wishes = wishesOf(sync);
    const { error, resolved } = syncs.set(sync);
    if (JSON.stringify(before) === JSON.stringify(wishes)) return;
    this.#wishes.set(key, wishes);
    if (error) statuses.touch(key);
    try {
      rivals.set(sync, resolved ? await literalCopies(world, resolved) : []);
      await restoreMounts(state.ledger, sync);
      await leader.follow(sync, { isAsked: asksAnew(before, wishes) });
    } catch (failure) {
      if (this.#wishes.get(key) === wishes) this.#wishes.delete(key);
      throw failure;
    }
  }

  #takeAgain(key: string): void {
    const timer = setTimeout(() => {
      this.#again.delete(timer);
      const current = this.#options.syncs.get(key);
      if (current) this.changed(current.sync);
    }, againMs).unref();
    this.#again.add(timer);
  }
}
