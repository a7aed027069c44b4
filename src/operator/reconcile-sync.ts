import { requestedAtAnnotation, syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { JobOutcome, JobRun, State } from '../state/contract.ts';
import type { CopyRecord, World } from '../sync/ports.ts';
import { removeCopies } from '../sync/removal.ts';
import { reconcileSync } from '../sync/sync.ts';
import { retryOutcome } from './backoff.ts';
import type { Manifests } from './manifests/contract.ts';
import { parked } from './parking.ts';
import { rememberProgress } from './progress.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Syncs } from './syncs.ts';

export interface SyncReconcilerOptions {
  readonly world: World;
  readonly state: State<CopyRecord>;
  readonly syncs: Syncs;
  readonly manifests: Manifests;
  readonly statuses: StatusWriter;
  readonly sources: SourceWatch;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Runs full reconciles of one sync, its removal included. */
export class SyncReconciler {
  readonly #options: SyncReconcilerOptions;

  constructor(options: SyncReconcilerOptions) {
    this.#options = options;
  }

  async run(run: JobRun, key: string): Promise<JobOutcome> {
    const { syncs, statuses, manifests } = this.#options;
    const current = syncs.get(key);
    if (!current) return { outcome: 'done' };
    const { sync, resolved } = current;
    if (sync.deleting) return this.#remove(run, sync);
    await manifests.setFinalizer(sync, sync.spec.removalPolicy === 'Delete');
    if (!resolved || sync.spec.suspend) {
      statuses.touch(key);
      return { outcome: 'done' };
    }
    try {
      return await this.#reconcile(run, sync, resolved);
    } finally {
      statuses.touch(key);
    }
  }

  async #reconcile(
    run: JobRun,
    sync: VaultSecretSync,
    resolved: Parameters<typeof reconcileSync>[0]['resolved'],
  ): Promise<JobOutcome> {
    const { world, state, sources, random } = this.#options;
    let outcome: Awaited<ReturnType<typeof reconcileSync>>;
    try {
      outcome = await reconcileSync({ world, resolved, signal: run.signal });
    } catch (error) {
      if (run.signal.aborted || !(error instanceof SyncError)) throw error;
      sources.note(resolved.key, error);
      return this.#retry(run, error);
    }
    const { vault } = resolved;
    await state.jobs.add([
      ...parked(outcome.results, random),
      ...outcome.later.map(({ place, afterMs }) => ({
        job: { kind: 'path' as const, vault, ...place },
        delayMs: afterMs,
      })),
    ]);
    if (outcome.unread) {
      sources.note(resolved.key, outcome.unread.error);
      return this.#retry(run, outcome.unread.error);
    }
    sources.note(resolved.key, null);
    await rememberProgress(state.ledger, resolved.key, {
      generation: sync.generation,
      at: world.now(),
      requestedAt: sync.annotations[requestedAtAnnotation] ?? '',
    });
    return { outcome: 'done' };
  }

  #retry(run: JobRun, error: unknown): JobOutcome {
    const known = error instanceof SyncError ? error : null;
    return retryOutcome({
      attempt: run.attempt,
      afterMs: known?.retryAfterMs ?? null,
      countsAsAttempt: true,
      reason: known?.reason ?? 'InternalError',
      random: this.#options.random,
    });
  }

  /** The sync is going away: its copies go too if it says so, then it is let go. */
  async #remove(run: JobRun, sync: VaultSecretSync): Promise<JobOutcome> {
    const { world, state, manifests, statuses, syncs, sources } = this.#options;
    const key = syncKeyOf(sync);
    if (sync.spec.removalPolicy === 'Delete') {
      if (world.writes() === 'paused') {
        return { outcome: 'retry', delayMs: 30_000, reason: 'WritesPaused', countsAsAttempt: false };
      }
      const results = await removeCopies({ world, sync, signal: run.signal });
      const failed = results.find(({ change }) => change === 'failed');
      if (failed) {
        manifests.announce(sync, {
          type: 'Warning',
          reason: 'RemovalFailed',
          message: `${failed.destination}/${failed.name}: ${failed.message}`,
        });
        return retryOutcome({
          attempt: run.attempt,
          afterMs: null,
          countsAsAttempt: false,
          reason: failed.reason,
          random: this.#options.random,
        });
      }
      manifests.announce(sync, {
        type: 'Normal',
        reason: 'CopiesRemoved',
        message: `${results.length} copies removed`,
      });
    }
    await manifests.setFinalizer(sync, false);
    await state.ledger.forgetSync(key);
    statuses.forget(key);
    sources.forget(key);
    syncs.delete(key);
    return { outcome: 'done' };
  }
}
