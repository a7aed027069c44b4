import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging.ts';
import type { Lease, Leases } from '../state/contract.ts';

/** Milliseconds that one try for the lead waits. */
const waitMs = 2_000;

/** Holds the lead while it can be had: what must happen once (publishing, planning) is the leader's. */
export class Leadership {
  readonly #options: { leases: Leases; logger: Logger; onLead: () => Promise<void>; onLost: () => void };
  readonly #closing = new AbortController();
  #lease: Lease | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: { leases: Leases; logger: Logger; onLead: () => Promise<void>; onLost: () => void }) {
    this.#options = options;
  }

  get leading(): boolean {
    return this.#lease !== null && !this.#lease.signal.aborted;
  }

  /** Tries once, then goes on trying on its own. */
  async start(): Promise<void> {
    await this.#try(0);
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#lease?.release().catch(() => undefined);
    this.#lease = null;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      if (this.#lease) await aborted(AbortSignal.any([this.#lease.signal, this.#closing.signal]));
      else await this.#try(waitMs);
      if (this.#lease?.signal.aborted) {
        this.#options.logger.warn('lead lost');
        this.#lease = null;
        this.#options.onLost();
      }
    }
  }

  async #try(wait: number): Promise<void> {
    const { leases, logger, onLead } = this.#options;
    try {
      this.#lease = await leases.acquire(['leader'], { waitMs: wait, signal: this.#closing.signal });
      if (!this.#lease) return;
      logger.info('leading');
      await onLead();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      logger.warn({ err: error }, 'lead not taken up; it is tried again');
      await this.#lease?.release().catch(() => undefined);
      this.#lease = null;
      await sleep(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
