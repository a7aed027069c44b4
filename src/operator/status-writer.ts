import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { State } from '../state/contract.ts';
import type { SweptPlace } from '../sync/leftovers.ts';
import type { CopyRecord, WrittenPlace } from '../sync/ports.ts';
import { announcementsOf } from './announcements.ts';
import { backoff } from './backoff.ts';
import type { Manifests, StatusChange, StatusOutcome } from './manifests/contract.ts';
import { PlaceRecorder } from './place-recorder.ts';
import { statusOf } from './status.ts';
import { recallForStatus } from './status-input.ts';
import type { Syncs } from './syncs.ts';

/** A sync's status is written at most once a second, by all replicas together. */
const perSync = { perSecond: 1, burst: 1 };
/** All statuses together: an API server has other users. */
const overall = { bucket: 'statuses', rate: { perSecond: 100, burst: 100 } };
/** Milliseconds after the first change: what belongs together (three copies of one change) ends in one write. */
const gatherMs = 50;
/** Milliseconds, and writes at once, for what is still due when the process ends. */
const closingMs = 5_000;
const closingAtOnce = 20;

export interface StatusWriterOptions {
  readonly syncs: Pick<Syncs, 'get'>;
  readonly state: Pick<State<CopyRecord>, 'ledger' | 'budgets'>;
  readonly manifests: Manifests;
  readonly logger: Logger;
  readonly random: () => number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** What this process alone has seen of a sync since its status was last written. */
interface Seen {
  readonly lagSeconds: number | null;
  /** See `StatusInput.swept`. */
  readonly swept: ReadonlyMap<string, string | null> | null;
}

const nothingSeen: Seen = { lagSeconds: null, swept: null };

/**
 * Writes the status of syncs that have changed: soon after the first change, then at most once a second.
 *
 * A sync is due from its first change until its status is worked out; one loop per sync writes for as long as it is due.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #due = new Set<string>();
  readonly #loops = new Map<string, Promise<void>>();
  readonly #seen = new Map<string, Seen>();
  readonly #places: PlaceRecorder;
  readonly #closing = new AbortController();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#places = new PlaceRecorder(options.manifests);
  }

  /** Something about the sync changed. */
  touch(key: string): void {
    this.#due.add(key);
    if (this.#closing.signal.aborted || this.#loops.has(key)) return;
    this.#loops.set(key, this.#follow(key));
  }

  /** A change took this many seconds from being heard of to its last copy. */
  noteLag(key: string, lagSeconds: number): void {
    this.#seen.set(key, { ...this.#seenOf(key), lagSeconds });
  }

  /** Resolves once the places stand in the sync's status; see `PlaceRecorder.record`. */
  recordPlaces(sync: VaultSecretSync, places: readonly WrittenPlace[]): Promise<void> {
    return this.#places.record(sync, places);
  }

  /** Takes over how it stands with places that no destination of the sync leads to any more. */
  notePlaces(key: string, places: readonly SweptPlace[]): void {
    const swept = new Map(places.map(({ destination, unswept }) => [destination, unswept]));
    this.#seen.set(key, { ...this.#seenOf(key), swept });
  }

  /** The sync is gone. */
  forget(key: string): void {
    this.#due.delete(key);
    this.#seen.delete(key);
  }

  /** Writes what is still due, as much of it as a few seconds allow. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#loops.values());
    const due = this.#due.values();
    const lane = async () => {
      for (const key of due) await this.#writeLast(key);
    };
    const limit = new AbortController();
    const late = sleep(closingMs, 'late', { signal: limit.signal }).catch(() => undefined);
    const lanes = Promise.all(Array.from({ length: closingAtOnce }, lane));
    if ((await Promise.race([lanes, late])) === 'late') {
      this.#options.logger.warn(
        { syncs: this.#due.size },
        'statuses were left unwritten; the next full reconcile does it',
      );
      this.#due.clear();
    }
    limit.abort();
  }

  async #follow(key: string): Promise<void> {
    const { signal } = this.#closing;
    await this.#pause(gatherMs);
    for (let failures = 0; this.#due.has(key) && !signal.aborted; ) {
      try {
        await this.#options.state.budgets.take(`status ${key}`, { rate: perSync, backfill: false, signal });
        await this.#write(key);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        await this.#tellFailure(key, error);
        await this.#pause(backoff(failures, this.#options.random));
      }
    }
    // In the same step as the last look at what is due, so that no change falls between.
    this.#loops.delete(key);
  }

  /** Works the status out, and writes it if it says something new. The sync is due no more, unless that fails. */
  async #write(key: string): Promise<void> {
    const { syncs, manifests, state, now } = this.#options;
    this.#due.delete(key);
    const current = syncs.get(key);
    if (!current || current.sync.deleting) return;
    const { sync, error } = current;
    try {
      const before = manifests.statusOf(sync);
      const seen = this.#seenOf(key);
      const known = await recallForStatus(state.ledger, { sync, key });
      const after = statusOf({ ...known, ...seen, sync, error, previous: before, now: now() });
      const outcome = await this.#writeOver(sync, { before, after });
      if (outcome === 'outdated') this.#due.add(key);
      else if (this.#seen.get(key) === seen) this.#seen.delete(key);
    } catch (failed) {
      this.#due.add(key);
      throw failed;
    }
  }

  async #writeOver(sync: VaultSecretSync, change: StatusChange): Promise<StatusOutcome | 'unchanged'> {
    const { state, manifests } = this.#options;
    const { signal } = this.#closing;
    if (wordsOf(change.before) === wordsOf(change.after)) return 'unchanged';
    // Whatever is due when the process ends is written all the same.
    if (!signal.aborted) await state.budgets.take(overall.bucket, { ...overall, backfill: false, signal });
    const outcome = await manifests.writeStatus(sync, change);
    const { before, after } = change;
    if (outcome === 'written') for (const event of announcementsOf(before, after)) manifests.announce(sync, event);
    return outcome;
  }

  async #tellFailure(key: string, error: unknown): Promise<void> {
    const { logger, state } = this.#options;
    logger.warn({ sync: key, err: error }, 'status not written; it is tried again');
    if (!(error instanceof SyncError) || error.remedy !== 'RateLimited') return;
    const { retryAfterMs = null } = error;
    await state.budgets.slowDown(overall.bucket, { rate: overall.rate, retryAfterMs }).catch(() => undefined);
  }

  async #writeLast(key: string): Promise<void> {
    try {
      await this.#write(key);
      // Somebody else was faster: once more on top of that.
      if (this.#due.has(key)) await this.#write(key);
    } catch (error) {
      this.#options.logger.warn({ sync: key, err: error }, 'the last status was not written');
    } finally {
      this.#due.delete(key);
    }
  }

  #seenOf(key: string): Seen {
    return this.#seen.get(key) ?? nothingSeen;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
  }
}

/** The same text for the same status: an API server keeps no order of fields. */
function wordsOf(status: unknown): string {
  return JSON.stringify(status, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
