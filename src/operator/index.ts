import { durationMs } from '../crd/duration.ts';
import { requestedAtAnnotation, syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { State } from '../state/contract.ts';
import { mountUuidFact } from '../sync/absence.ts';
import type { CopyRecord, KnownVault, World } from '../sync/ports.ts';
import { InterestPublisher } from './interest-publisher.ts';
import { Leadership } from './leadership.ts';
import type { ManifestHandlers, Manifests } from './manifests/contract.ts';
import { SyncReconciler } from './reconcile-sync.ts';
import { Schedule } from './schedule.ts';
import { SourceWatch } from './source-watch.ts';
import { StatusWriter } from './status-writer.ts';
import { Syncs } from './syncs.ts';
import { createWorker } from './worker.ts';

/** Milliseconds until something that could not be handed to the shared state is tried again. */
const askAgainMs = 5_000;

export interface OperatorOptions {
  /** Everything that syncing needs, but for the recording of places, which is ours. */
  readonly world: Omit<World, 'recordPlaces'>;
  readonly vaults: readonly KnownVault[];
  readonly state: State<CopyRecord>;
  readonly manifests: Manifests;
  /** Jobs that run at once. */
  readonly concurrency: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface Operator {
  /** Null when everything works, else which part is not ready and why. */
  problem(): string | null;
  readonly syncs: Syncs;
  readonly statuses: StatusWriter;
  /** Takes no more work, gives what runs `graceMs` to finish, writes the last statuses. */
  close(graceMs: number): Promise<void>;
}

/**
 * The operator: manifests, jobs and the clock on one side, `sync` on the other, status as the answer.
 *
 * Manifests are listed completely, then the interest is published, and only then a sync's first reconcile is asked for:
 * a change that comes in between is heard.
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { state, manifests, metrics, logger, random } = options;
  const { now } = options.world;
  const syncs = new Syncs({ vaults: options.vaults, installation: options.world.installation });
  const schedule = new Schedule({ now, onDue: (key) => askFor([key]) });
  const statuses = new StatusWriter({
    syncs,
    state,
    manifests,
    logger,
    now,
  });
  const world: World = { ...options.world, recordPlaces: (sync, places) => statuses.recordPlaces(sync, places) };
  const sources = new SourceWatch({ ledger: state.ledger, logger });
  const parts = { world, state, syncs, manifests, statuses, sources, metrics, logger, random };
  const reconciler = new SyncReconciler(parts);
  const publisher = new InterestPublisher({
    board: state.interest,
    syncs,
    logger,
    async kvVersionOf({ vault, namespace, mount }) {
      try {
        const signal = AbortSignal.timeout(2_000);
        return (await world.reader(vault).mount({ namespace, mount }, { fresh: false, signal })).kvVersion;
      } catch {
        // The webhook then queues both readings of a path.
        return null;
      }
    },
  });
  const leadership = new Leadership({
    leases: state.leases,
    logger,
    onLead: () => askForEverything(),
    onLost: () => schedule.clear(),
  });

  /** Generation, by sync, that a full reconcile was asked for. */
  const asked = new Map<string, string>();
  let listed = false;

  /** Asks for full reconciles now and plans the next ones. The leader's business: a replica that dies takes no plan along. */
  function askFor(keys: readonly string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) schedule.plan(key, nextAfter(key));
    state.jobs.add(keys.map((key) => ({ job: { kind: 'sync', sync: key } }))).catch((error: unknown) => {
      logger.warn({ err: error }, 'full reconciles could not be queued; they are asked for again soon');
      for (const key of keys) schedule.plan(key, now() + askAgainMs);
    });
  }

  /** After `refreshInterval`, ±10 % so that syncs do not march in step; null = never. */
  function nextAfter(key: string): number | null {
    const spec = syncs.get(key)?.sync.spec;
    const interval = spec && !spec.suspend ? (durationMs(spec.refreshInterval) ?? 0) : 0;
    return interval === 0 ? null : now() + interval * (0.9 + 0.2 * random());
  }

  async function askForEverything(): Promise<void> {
    publisher.startAfresh();
    await publisher.publish();
    askFor([...syncs.all()].map(({ sync }) => syncKeyOf(sync)));
  }

  async function changed(sync: VaultSecretSync): Promise<void> {
    const key = syncKeyOf(sync);
    const before = asked.get(key);
    const words = JSON.stringify([sync.generation, sync.deleting, sync.annotations[requestedAtAnnotation] ?? '']);
    const { error } = syncs.set(sync);
    if (error) statuses.touch(key);
    if (before === words) return;
    asked.set(key, words);
    if (sync.status?.sourceMountUUID && !(await state.ledger.recall(key, mountUuidFact))) {
      await state.ledger.remember(key, mountUuidFact, sync.status.sourceMountUUID);
    }
    if (!listed || !leadership.leading) return;
    await publisher.publish();
    askFor([key]);
  }

  const again = new Set<NodeJS.Timeout>();
  function takeUpAgain(key: string): void {
    const current = syncs.get(key);
    if (current) handlers.changed(current.sync);
  }
  const handlers: ManifestHandlers = {
    changed: (sync) => {
      const key = syncKeyOf(sync);
      changed(sync).catch((error: unknown) => {
        logger.warn({ sync: key, err: error }, 'sync not taken up yet; it is tried again soon');
        asked.delete(key);
        const timer = setTimeout(() => {
          again.delete(timer);
          takeUpAgain(key);
        }, askAgainMs).unref();
        again.add(timer);
      });
    },
    gone: (sync) => {
      const key = syncKeyOf(sync);
      asked.delete(key);
      // The object is gone (or its file): what it leaves behind is dealt with as if it had been told to go.
      if (!syncs.get(key)) return;
      syncs.set({ ...sync, deleting: true });
      if (!listed || !leadership.leading) return;
      publisher.publish().catch((error: unknown) => logger.warn({ err: error }, 'interest not published'));
      askFor([key]);
    },
  };
  await manifests.start(handlers);
  listed = true;
  logger.info({ syncs: [...syncs.all()].length }, 'manifests are listed');
  await leadership.start();
  const consumer = state.jobs.consume({
    concurrency: options.concurrency,
    run: createWorker({ ...parts, reconciler }),
  });

  return {
    syncs,
    statuses,
    // Only the leader publishes; every other replica is ready without.
    problem: () => manifests.problem() ?? (leadership.leading ? publisher.problem() : null),
    async close(graceMs) {
      schedule.close();
      for (const timer of again) clearTimeout(timer);
      await leadership.close();
      await publisher.close();
      await consumer.close(graceMs);
      await statuses.close();
      await manifests.close();
    },
  };
}
