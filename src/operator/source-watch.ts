import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { publicMessage, SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Ledger } from '../state/contract.ts';
import { isOf, recallTrouble, rememberTrouble, type SourceTrouble } from './progress.ts';

/**
 * Remembers, per sync, whether Vault could be read. Any replica may be the next to find out, so what was known before is
 * asked of the ledger each time; it is written only when that changes.
 */
export class SourceWatch {
  readonly #ledger: Ledger;
  readonly #logger: Logger;
  /** What is being noted by sync: one after the other, so that the last word stays. */
  readonly #noting = new Map<string, Promise<void>>();

  constructor(options: { ledger: Ledger; logger: Logger }) {
    this.#ledger = options.ledger;
    this.#logger = options.logger;
  }

  /** Notes how a read went; `null` = Vault gave a certain answer. Never throws. */
  async note(sync: VaultSecretSync, error: unknown): Promise<void> {
    const key = syncKeyOf(sync);
    const before = this.#noting.get(key) ?? Promise.resolve();
    const noting = before.then(() => this.#note(sync, error === null ? null : troubleOf(sync, error)));
    this.#noting.set(key, noting);
    await noting;
    if (this.#noting.get(key) === noting) this.#noting.delete(key);
  }

  async #note(sync: VaultSecretSync, trouble: SourceTrouble | null): Promise<void> {
    const key = syncKeyOf(sync);
    try {
      const known = await recallTrouble(this.#ledger, key);
      // The words may differ from secret to secret; whose manifest is to blame matters only where an edit is the cure.
      const isSame = known?.reason === trouble?.reason && (!trouble?.stalled || isOf(known, sync));
      if (isSame) return;
      if (trouble)
        this.#logger.warn({ sync: key, reason: trouble.reason, why: trouble.message }, 'Vault could not be read');
      await rememberTrouble(this.#ledger, key, trouble);
    } catch (cause) {
      this.#logger.warn({ sync: key, err: cause }, 'how Vault answered was not remembered');
    }
  }
}

function troubleOf({ generation, createdAt }: VaultSecretSync, error: unknown): SourceTrouble {
  const known = error instanceof SyncError ? error : null;
  return {
    reason: known?.reason ?? 'InternalError',
    message: publicMessage(error),
    stalled: known?.remedy === 'FixSpec',
    generation,
    createdAt,
  };
}
