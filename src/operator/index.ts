import { requestedAtAnnotation, syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { State } from '../state/contract.ts';
import { mountUuidFact } from '../sync/absence.ts';
import type { CopyRecord, KnownVault, World } from '../sync/ports.ts';
import { InterestPublisher } from './interest-publisher.ts';
import { Leadership } from './leadership.ts';
import type { Manifests } from './manifests/contract.ts';
import { SyncReconciler } from './reconcile-sync.ts';
import { Schedule } from './schedule.ts';
import { SourceWatch } from './source-watch.ts';
import { StatusWriter } from './status-writer.ts';
import { Syncs } from './syncs.ts';
import { createWorker } from './worker.ts';

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
    nextReconcileAt: (key) => schedule.dueAt(key),
  });
  const world: World = { ...options.world, recordPlaces: (sync, places) => statuses.recordPlaces(sync, places) };
  const sources = new SourceWatch({ ledger: state.ledger, logger });
  const parts = { world, state, syncs, manifests, statuses, sources, schedule, metrics, logger, random };
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
    onLost: () => undefined,
  });

  /** Generation, by sync, that a full reconcile was asked for. */
  const asked = new Map<string, string>();
  let listed = false;

  function askFor(keys: readonly string[]): void {
    if (keys.length === 0) return;
    state.jobs.add(keys.map((key) => ({ job: { kind: 'sync', sync: key } }))).catch((error: unknown) => {
      logger.warn({ err: error }, 'full reconciles could not be queued; they are asked for again in a minute');
      for (const key of keys) schedule.plan(key, now() + 60_000);
    });
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

  await manifests.start({
    changed: (sync) => {
      changed(sync).catch((error: unknown) => logger.error({ sync: syncKeyOf(sync), err: error }, 'sync not taken up'));
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
  });
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
    problem: () => manifests.problem() ?? publisher.problem(),
    async close(graceMs) {
      schedule.close();
      await leadership.close();
      await publisher.close();
      await consumer.close(graceMs);
      await statuses.close();
      await manifests.close();
    },
  };
}
