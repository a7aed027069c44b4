import { setTimeout as sleep } from 'node:timers/promises';
import { durationMs } from '../crd/duration.ts';
import type { SyncStatus } from '../crd/status.ts';
import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Logger } from '../logging.ts';
import type { State } from '../state/contract.ts';
import { mountUuidFact } from '../sync/absence.ts';
import type { CopyRecord } from '../sync/ports.ts';
import type { Manifests } from './manifests/contract.ts';
import { type Progress, recallProgress, recallTrouble } from './progress.ts';
import { type StatusInput, statusOf } from './status.ts';
import type { Syncs } from './syncs.ts';

/** A sync's status is written at most once in this many milliseconds. */
const perSyncMs = 1_000;
/** Failures that a status names. */
const worstFailures = 10;

export interface StatusWriterOptions {
  readonly syncs: Syncs;
  readonly state: State<CopyRecord>;
  readonly manifests: Manifests;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Gathers what changed about a sync and writes its status: soon after the first change, then at most once a second. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #due = new Map<string, NodeJS.Timeout>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  /** Our own last word, which a watch may not have brought back yet. */
  readonly #last = new Map<string, SyncStatus>();
  #closed = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Something about the sync changed. */
  touch(key: string): void {
    if (this.#closed || this.#due.has(key)) return;
    if (this.#writing.has(key)) {
      this.#again.add(key);
      return;
    }
    // Not at once: what belongs together (three copies of one change) ends in one write.
    this.#due.set(
      key,
      setTimeout(() => this.#start(key), 50),
    );
  }

  /** Resolves once the places stand in the sync's status. */
  async recordPlaces(sync: VaultSecretSync, places: readonly string[]): Promise<void> {
    const key = syncKeyOf(sync);
    const known = (this.#last.get(key) ?? sync.status)?.destinations?.map(({ destination }) => destination) ?? [];
    const missing = places.filter((place) => !known.includes(place));
    if (missing.length === 0) return;
    const before = this.#last.get(key) ?? sync.status ?? {};
    const destinations = [...(before.destinations ?? []), ...missing.map((destination) => ({ destination }))];
    const status = { ...before, destinations };
    // Known from now on, so that copies written side by side do not each write the status.
    this.#last.set(key, status);
    try {
      await this.#options.manifests.writeStatus(sync, status);
    } catch (error) {
      // Not recorded after all: whoever writes next must try again.
      this.#last.delete(key);
      throw error;
    }
  }

  /** Writes what is still due. */
  async close(): Promise<void> {
    this.#closed = true;
    const due = [...this.#due.keys()];
    for (const timer of this.#due.values()) clearTimeout(timer);
    this.#due.clear();
    await Promise.all(this.#writing.values());
    await Promise.all([...due, ...this.#again].map((key) => this.#write(key)));
  }

  /** The status as it last was worked out; null before that. */
  last(key: string): SyncStatus | null {
    return this.#last.get(key) ?? null;
  }

  forget(key: string): void {
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
    this.#last.delete(key);
  }

  #start(key: string): void {
    this.#due.delete(key);
    const writing = this.#write(key).then(async () => {
      if (!this.#closed) await sleep(perSyncMs, undefined, { ref: false });
    });
    this.#writing.set(
      key,
      writing.finally(() => {
        this.#writing.delete(key);
        if (this.#again.delete(key)) this.touch(key);
      }),
    );
  }

  async #write(key: string): Promise<void> {
    const { syncs, manifests, logger } = this.#options;
    const current = syncs.get(key);
    if (!current || current.sync.deleting) return;
    try {
      const input = await this.#gather(key, current);
      const status = statusOf(input);
      this.#last.set(key, status);
      await manifests.writeStatus(current.sync, status);
      this.#announce(current.sync, input.previous, status);
    } catch (error) {
      logger.warn({ sync: key, err: error }, 'status not written; it is tried again');
      this.#again.add(key);
    }
  }

  async #gather(key: string, current: { sync: VaultSecretSync; error: StatusInput['error'] }): Promise<StatusInput> {
    const { ledger } = this.#options.state;
    const [counts, progress, trouble, mountUuid] = await Promise.all([
      ledger.counts(key),
      recallProgress(ledger, key),
      recallTrouble(ledger, key),
      ledger.recall(key, mountUuidFact),
    ]);
    const unwell = Object.values(counts).some((states) => (states.failed ?? 0) + (states.conflict ?? 0) > 0);
    return {
      sync: current.sync,
      error: current.error,
      previous: this.#last.get(key) ?? current.sync.status,
      counts,
      failures: unwell ? await this.#failuresOf(key) : [],
      progress,
      trouble,
      mountUuid,
      nextReconcileAt: nextReconcileAt(current.sync, progress),
      now: this.#options.now(),
    };
  }

  async #failuresOf(key: string): Promise<StatusInput['failures']> {
    const failures: StatusInput['failures'][number][] = [];
    for await (const { entry } of this.#options.state.ledger.ofSync(key)) {
      if (entry.state !== 'failed' && entry.state !== 'conflict') continue;
      const { destination, name, reason, message, stalled } = entry;
      failures.push({ destination, name, reason, message: message.slice(0, 1024), stalled });
      if (failures.length >= worstFailures * 10) break;
    }
    return failures.sort((left, right) => Number(right.stalled) - Number(left.stalled)).slice(0, worstFailures);
  }

  #announce(sync: VaultSecretSync, before: SyncStatus | null, after: SyncStatus): void {
    const readyIn = (status: SyncStatus | null) => status?.conditions?.find(({ type }) => type === 'Ready');
    const [was, is] = [readyIn(before), readyIn(after)];
    if (!is || (was?.status === is.status && was.reason === is.reason) || is.reason === 'Progressing') return;
    const type = is.status === 'False' ? 'Warning' : 'Normal';
    this.#options.manifests.announce(sync, { type, reason: is.reason, message: is.message });
  }
}

/** About when: each replica that leads adds its own jitter. */
function nextReconcileAt({ spec }: VaultSecretSync, progress: Progress | null): number | null {
  const interval = durationMs(spec.refreshInterval) ?? 0;
  return progress === null || interval === 0 || spec.suspend ? null : progress.at + interval;
}
