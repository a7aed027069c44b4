import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { State } from '../state/contract.ts';
import type { CopyRecord, KnownVault, World } from '../sync/ports.ts';
import { Intake } from './intake.ts';
import { InterestPublisher } from './interest-publisher.ts';
import { Leader } from './leader.ts';
import type { Manifests } from './manifests/contract.ts';
import { MissedChanges } from './missed-changes.ts';
import { SyncReconciler } from './reconcile-sync.ts';
import { Rivals } from './rivals.ts';
import { SourceWatch } from './source-watch.ts';
import { StatusWriter } from './status-writer.ts';
import { Syncs } from './syncs.ts';
import { createWorker } from './worker.ts';

export interface OperatorOptions {
  /** Everything that syncing needs, but for what is ours: manifests, statuses and jobs. */
  readonly world: Omit<World, 'recordPlaces' | 'generationOf' | 'earlierRival' | 'wake'>;
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
  /** Asks for a full reconcile of everything: something that holds for all has changed. */
  reconcileAll(): void;
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
  const rivals = new Rivals();
  const statuses = new StatusWriter({ syncs, state, manifests, logger, random, now });
  const world: World = {
    ...options.world,
    recordPlaces: (sync, places) => statuses.recordPlaces(sync, places),
    generationOf: (key) => syncs.generationOf(key),
    earlierRival: (copy, sync) => rivals.earlier(copy, sync),
    wake: (copies) =>
      state.jobs.add(copies.map(({ sync, copy, source }) => ({ job: { kind: 'copy', sync, copy, source } }))),
  };
  const sources = new SourceWatch({ ledger: state.ledger, logger });
  const missed = new MissedChanges({ jobs: state.jobs, syncs, manifests, metrics, logger, now });
  const parts = { world, state, syncs, manifests, statuses, sources, missed, metrics, logger, random };
  const reconciler = new SyncReconciler(parts);
  const publisher = new InterestPublisher({
    board: state.interest,
    syncs,
    logger,
    async kvVersionOf({ vault, namespace, mount }, { fresh }) {
      try {
        const signal = AbortSignal.timeout(2_000);
        return (await world.reader(vault).mount({ namespace, mount }, { fresh, signal })).kvVersion;
      } catch {
        // The webhook then queues both readings of a path.
        return null;
      }
    },
  });
  const leader = new Leader({ state, syncs, publisher, logger, random, now });
  const intake = new Intake({ world, state, syncs, rivals, statuses, leader, logger });

  await manifests.start(intake);
  await intake.settled();
  logger.info({ syncs: [...syncs.all()].length }, 'manifests are listed');
  await leader.start();
  const endWatch = state.watch.whenLost(() => leader.afterLoss());
  const consumer = state.jobs.consume({
    concurrency: options.concurrency,
    run: createWorker({ ...parts, reconciler }),
  });

  return {
    problem: () => manifests.problem() ?? leader.problem(),
    reconcileAll: () => leader.reconcileAll(),
    async close(graceMs) {
      intake.close();
      endWatch();
      await leader.close();
      await consumer.close(graceMs);
      await statuses.close();
      await manifests.close();
    },
  };
}
