import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging.ts';
import type { Ledger } from '../state/contract.ts';

/** No sync has such a name. */
const everybody = '*';
const changedFact = 'mountsChanged';
/** How often the leader looks whether word was left, in milliseconds. A webhook remembers what nobody wanted for a minute. */
const lookEveryMs = 1_000;

/**
 * Leaves word that mounts have changed, for the leader, whichever replica that is: what a path means may have changed with
 * them (KV v1 or v2), and the published interest says what webhooks take it for.
 * @param run tells one change from the next
 */
export async function leaveMountWord(ledger: Ledger, run: string): Promise<void> {
  await ledger.remember(everybody, changedFact, run);
}

export interface MountChangesOptions {
  readonly ledger: Ledger;
  readonly logger: Logger;
  /** Asks Vault about the mounts anew, and publishes what it says. */
  readonly publish: () => Promise<void>;
}

/** Follows the word that is left, for as long as this replica leads. */
export class MountChanges {
  readonly #options: MountChangesOptions;
  #following = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: MountChangesOptions) {
    this.#options = options;
  }

  /** What was left before is served by the publication with which a leader begins. */
  start(): void {
    this.stop();
    this.#following = new AbortController();
    this.#running = this.#follow(this.#following.signal);
  }

  stop(): void {
    this.#following.abort();
  }

  async close(): Promise<void> {
    this.stop();
    await this.#running;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { ledger, logger, publish } = this.#options;
    let served: string | null | undefined;
    while (!signal.aborted) {
      try {
        const left = await ledger.recall(everybody, changedFact);
        if (left !== served && served !== undefined) await publish();
        served = left;
      } catch (error) {
        logger.debug({ err: error }, 'whether mounts have changed is not known now; it is asked again soon');
      }
      await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
