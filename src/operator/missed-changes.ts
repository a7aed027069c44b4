import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { Job, Jobs } from '../state/contract.ts';
import type { Missed } from '../sync/missed.ts';
import type { ResolvedSync } from '../sync/resolve.ts';
import type { Manifests } from './manifests/contract.ts';
import type { Syncs } from './syncs.ts';

/** Shortest time between two looks at all that is read from a mount, in milliseconds. */
const intervalMs = 5 * 60_000;

export interface MissedChangesOptions {
  readonly jobs: Pick<Jobs, 'add' | 'isHeard'>;
  readonly syncs: Pick<Syncs, 'get'>;
  readonly manifests: Pick<Manifests, 'announce'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/**
 * What no audit entry told of was found all the same; but where one entry was lost, others may be. Says so, and asks that
 * everything that is read from the same mount be looked at.
 */
export class MissedChanges {
  readonly #options: MissedChangesOptions;
  /** Mounts that something was heard of since the start. */
  readonly #heardOf = new Set<string>();
  readonly #askedAt = new Map<string, number>();

  constructor(options: MissedChangesOptions) {
    this.#options = options;
  }

  heard({ vault, namespace, mount }: Job & { kind: 'path' }): void {
    this.#heardOf.add(JSON.stringify([vault, namespace, mount]));
  }

  /** @throws SyncError when the shared state does not answer */
  async note(missed: readonly Missed[]): Promise<void> {
    // Several copies of one secret show the same gap.
    const gaps = Map.groupBy(missed, ({ mount, name, from, to }) => JSON.stringify([mount, name, from, to]));
    for (const gap of gaps.values()) await this.#noteGap(gap);
  }

  async #noteGap(gap: readonly Missed[]): Promise<void> {
    const { syncs, jobs, metrics, logger, manifests } = this.#options;
    const [one] = gap;
    const known = gap.flatMap(({ sync }) => syncs.get(sync)?.resolved ?? []);
    const [resolved] = known;
    if (!one || !resolved) return;
    const { vault, namespace } = resolved;
    const { mount, name, from, to, seenBy } = one;
    // Its entry has come, and waits its turn.
    if (seenBy === 'reconcile' && (await jobs.isHeard({ kind: 'path', vault, namespace, mount, name }))) return;
    metrics.missedVersions.inc({ vault, seen_by: seenBy }, to - from + 1);
    const message = messageOf(one, resolved);
    logger.warn({ vault, namespace, mount, name, from, to, seenBy }, message);
    for (const { sync } of known) manifests.announce(sync, { type: 'Warning', reason: 'ChangesMissed', message });
    await this.#lookAround({ vault, namespace, mount });
  }

  /** Who never hears anything of a mount lives by the interval: looking more often would find nothing more. */
  async #lookAround(place: { vault: string; namespace: string; mount: string }): Promise<void> {
    const { jobs, now } = this.#options;
    const key = JSON.stringify([place.vault, place.namespace, place.mount]);
    const askedAt = this.#askedAt.get(key);
    if (!this.#heardOf.has(key) || (askedAt !== undefined && now() - askedAt < intervalMs)) return;
    this.#askedAt.set(key, now());
    await jobs.add([{ job: { kind: 'mount', ...place } }]);
  }
}

function messageOf({ mount, name, from, to }: Missed, { vault }: ResolvedSync): string {
  const versions = from === to ? `version ${from}` : `versions ${from} to ${to}`;
  return (
    `no audit entry told of ${versions} of ${mount}/${name}: entries of Vault "${vault}" get lost on their way; ` +
    'check its audit devices and what ships their entries here'
  );
}
