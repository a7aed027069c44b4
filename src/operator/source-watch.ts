import { publicMessage, SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Ledger } from '../state/contract.ts';
import { rememberTrouble } from './progress.ts';

/** Remembers, per sync, whether Vault could be read; writes only when that changes. */
export class SourceWatch {
  readonly #ledger: Ledger;
  readonly #logger: Logger;
  /** Reason last noted by sync; '' = none. */
  readonly #noted = new Map<string, string>();

  constructor(options: { ledger: Ledger; logger: Logger }) {
    this.#ledger = options.ledger;
    this.#logger = options.logger;
  }

  /** Notes how a read went; `null` = Vault gave a certain answer. */
  note(key: string, error: unknown): void {
    const trouble = error === null ? null : { reason: reasonOf(error), message: publicMessage(error) };
    const reason = trouble?.reason ?? '';
    if (this.#noted.get(key) === reason) return;
    this.#noted.set(key, reason);
    if (trouble) this.#logger.warn({ sync: key, reason, why: trouble.message }, 'Vault could not be read');
    rememberTrouble(this.#ledger, key, trouble).catch((cause: unknown) => {
      this.#noted.delete(key);
      this.#logger.warn({ sync: key, err: cause }, 'trouble with Vault not remembered');
    });
  }

  forget(key: string): void {
    this.#noted.delete(key);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof SyncError ? error.reason : 'InternalError';
}
