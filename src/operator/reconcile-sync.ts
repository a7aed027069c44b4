import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { JobOutcome, JobRun, State } from '../state/contract.ts';
import { restoreMounts } from '../sync/absence.ts';
import type { CopyRecord, CopyResult, World, WrittenPlace } from '../sync/ports.ts';
import type { ResolvedSync } from '../sync/resolve.ts';
import { reconcileSync, type SyncOutcome } from '../sync/sync.ts';
import { writtenPlaceOf } from '../sync/written-places.ts';
import { mustWait } from './asked.ts';
import { isUnsure, retryOutcome } from './backoff.ts';
import type { Manifests } from './manifests/contract.ts';
import type { MissedChanges } from './missed-changes.ts';
import { parked } from './parking.ts';
import { rememberPlan } from './plan-summary.ts';
import { isAfter, recallProgress, rememberProgress } from './progress.ts';
import { forgetRemoval, removeSync } from './remove-sync.ts';
import { answerRequest, requestOf } from './requests.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Syncs } from './syncs.ts';

/** Milliseconds until a replica looks again whether it has seen what it was asked to follow. */
const lookAgainMs = 200;

export interface SyncReconcilerOptions {
  readonly world: World;
  readonly state: State<CopyRecord>;
  readonly syncs: Syncs;
  readonly manifests: Manifests;
  readonly statuses: StatusWriter;
  readonly sources: SourceWatch;
  readonly missed: MissedChanges;
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
    const { syncs, statuses, manifests, state, world } = this.#options;
    const current = syncs.get(key);
    if (await mustWait(state.ledger, key, { sync: current?.sync ?? null, now: world.now() })) return notSeenYet;
    if (!current) return { outcome: 'done' };
    const { sync, resolved } = current;
    if (sync.deleting) return removeSync(this.#options, run, sync);
    await forgetRemoval(state.ledger, key);
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

  async #reconcile(run: JobRun, sync: VaultSecretSync, resolved: ResolvedSync): Promise<JobOutcome> {
    const { world, state, sources, missed, random } = this.#options;
    let outcome: SyncOutcome;
    // The shared state may have lost them since the sync was taken up.
    await restoreMounts(state.ledger, sync);
    try {
      outcome = await reconcileSync({ world, resolved, signal: run.signal, unsure: isUnsure(run) });
    } catch (error) {
      if (run.signal.aborted || !(error instanceof SyncError)) throw error;
      await sources.note(sync, error);
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
    await missed.note(outcome.missed);
    if (outcome.unread) {
      await sources.note(sync, outcome.unread.error);
      return this.#retry(run, outcome.unread.error);
    }
    await sources.note(sync, null);
    await this.#remember(sync, resolved, outcome);
    if (outcome.unlisted) {
      const { message } = outcome.unlisted;
      this.#options.logger.warn({ sync: syncKeyOf(sync), problem: message }, 'copies could not be listed: tried again');
      return this.#retry(run, outcome.unlisted);
    }
    return this.#leftoverRetry(run, outcome.results) ?? { outcome: 'done' };
  }

  /** A full reconcile has gone through: what it found, and what it answered. */
  async #remember(sync: VaultSecretSync, resolved: ResolvedSync, outcome: SyncOutcome): Promise<void> {
    const { world, state, statuses, manifests } = this.#options;
    const { generation, createdAt } = sync;
    const key = syncKeyOf(sync);
    if (outcome.places) statuses.notePlaces(key, outcome.places);
    await this.#recordPlaces(resolved, outcome.results);
    // Another replica may have followed a later manifest meanwhile.
    if (isAfter(await recallProgress(state.ledger, key), sync)) return;
    await rememberPlan(state.ledger, key, sync.spec.dryRun ? outcome.results : null);
    const progress = { generation, createdAt, at: world.now(), requestedAt: requestOf(sync) };
    await rememberProgress(state.ledger, key, progress);
    await answerRequest(manifests, sync);
  }

  /** A resource that was created anew has a status of its own, which must name the places of copies it found in sync, too. */
  async #recordPlaces({ sync, destinations }: ResolvedSync, results: readonly CopyResult[]): Promise<void> {
    const { world, statuses } = this.#options;
    const held = new Set(results.flatMap(({ change, destination }) => (change === 'unchanged' ? [destination] : [])));
    const places: WrittenPlace[] = [];
    for (const { destination } of destinations) {
      const target = await world.target(destination, sync.namespace).catch(() => null);
      if (target && held.has(target.scope)) places.push(writtenPlaceOf(target, destination));
    }
    await statuses.recordPlaces(sync, places);
  }

  /** What the manifest does not ask for any more has no job of its own: it is tried again with the whole sync. */
  #leftoverRetry(run: JobRun, results: readonly CopyResult[]): JobOutcome | null {
    const failed = results.find(({ isLeftover, retry }) => isLeftover && retry !== null);
    if (!failed?.retry) return null;
    const { attempt } = run;
    return retryOutcome({ attempt, reason: failed.reason, random: this.#options.random, ...failed.retry });
  }

  #retry({ attempt }: JobRun, error: unknown): JobOutcome {
    const known = error instanceof SyncError ? error : null;
    // An edit of the manifest, which is the cure, asks anew.
    if (known?.remedy === 'FixSpec') return { outcome: 'done' };
    return retryOutcome({
      attempt,
      afterMs: known?.retryAfterMs ?? null,
      countsAsAttempt: true,
      reason: known?.reason ?? 'InternalError',
      random: this.#options.random,
    });
  }
}

const notSeenYet: JobOutcome = {
  outcome: 'retry',
  delayMs: lookAgainMs,
  reason: 'ChangeNotSeenYet',
  countsAsAttempt: false,
};
