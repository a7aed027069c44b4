import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging.ts';
import type { InterestBoard, InterestEntry } from '../state/contract.ts';
import type { Syncs } from './syncs.ts';

/** One publication begins at least this long after the one before has ended, in milliseconds. */
const apartMs = 250;

export interface InterestPublisherOptions {
  readonly board: InterestBoard;
  readonly syncs: Syncs;
  readonly logger: Logger;
  /** KV version of a mount; null when Vault does not tell now. `fresh` asks Vault, not memory. Must not throw. */
  readonly kvVersionOf: (place: MountKey, options: { readonly fresh: boolean }) => Promise<1 | 2 | null>;
  /** Resolves after so many milliseconds, rejects when the signal is given; by default, time itself. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

type MountKey = Pick<InterestEntry, 'vault' | 'namespace' | 'mount'>;

/** Publishes what the webhook must hear about: at once when it is quiet, else gathered. */
export class InterestPublisher {
  readonly #options: InterestPublisherOptions;
  readonly #closing = new AbortController();
  #published: string | null = null;
  #publishing: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  /** The time after a publication in which none begins. */
  #pause: Promise<void> | null = null;
  /** The next publication asks Vault about the mounts. */
  #fresh = false;
  #problem: string | null = 'the interest is not published yet';

  constructor(options: InterestPublisherOptions) {
    this.#options = options;
  }

  problem(): string | null {
    return this.#problem;
  }

  /** Resolves once a document is published that holds every sync there was when this was called. */
  publish(): Promise<void> {
    if (!this.#publishing && !this.#pause) {
      this.#publishing = this.#write().finally(() => {
        this.#publishing = null;
      });
      return this.#publishing;
    }
    // One is under way and may have missed the latest, or has just ended: one more serves all who ask meanwhile.
    this.#next ??= Promise.resolve(this.#publishing)
      .catch(() => undefined)
      .then(() => this.#pause)
      .then(() => {
        this.#next = null;
        this.#closing.signal.throwIfAborted();
        return this.publish();
      });
    return this.#next;
  }

  /** The same, with what Vault says of the mounts by now. */
  publishAnew(): Promise<void> {
    this.#fresh = true;
    return this.publish();
  }

  /** Takes nothing for published any more: another replica may have led meanwhile, or Redis may have lost everything. */
  startAfresh(): void {
    this.#published = null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([this.#publishing, this.#next]);
  }

  async #write(): Promise<void> {
    const { board, syncs, logger } = this.#options;
    const entries = syncs.interest();
    const fresh = this.#fresh;
    this.#fresh = false;
    const kvVersions = await this.#versionsOf(entries, fresh);
    const document = JSON.stringify([entries, kvVersions]);
    if (document === this.#published) return;
    try {
      const revision = await board.publish({ entries, kvVersions });
      this.#beginPause();
      this.#published = document;
      this.#problem = null;
      logger.debug({ revision, entries: entries.length }, 'interest published');
    } catch (error) {
      this.#fresh ||= fresh;
      this.#problem = 'the interest could not be published';
      throw error;
    }
  }

  #beginPause(): void {
    const { signal } = this.#closing;
    const { wait = waitUnref } = this.#options;
    const end = (): void => {
      this.#pause = null;
    };
    this.#pause = wait(apartMs, signal).then(end, end);
  }

  /** KV versions spare the webhook from guessing what a path means. */
  async #versionsOf(entries: readonly InterestEntry[], fresh: boolean): Promise<Record<string, 1 | 2>> {
    const mounts = new Map(entries.map((entry) => [mountKeyOf(entry), entry]));
    const versions = await Promise.all(
      [...mounts].map(async ([key, entry]) => [key, await this.#options.kvVersionOf(entry, { fresh })] as const),
    );
    return Object.fromEntries(versions.filter((known): known is [string, 1 | 2] => known[1] !== null));
  }
}

/** Keeps no process alive. */
function waitUnref(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal, ref: false });
}

function mountKeyOf({ vault, namespace, mount }: MountKey): string {
  return JSON.stringify([vault, namespace, mount]);
}
