import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { Job, JobOutcome, JobRun, NewJob, State } from '../state/contract.ts';
import { parseSourceKey } from '../sync/marks.ts';
import type { CopyRecord, CopyResult, World } from '../sync/ports.ts';
import type { ResolvedSync } from '../sync/resolve.ts';
import { reconcileSecret, type SecretOutcome } from '../sync/secret.ts';
import { isUnsure, retryOutcome } from './backoff.ts';
import type { Manifests } from './manifests/contract.ts';
import type { MissedChanges } from './missed-changes.ts';
import { leaveMountWord } from './mount-changes.ts';
import { parked } from './parking.ts';
import type { SyncReconciler } from './reconcile-sync.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Syncs } from './syncs.ts';

/** Milliseconds until a job is offered again that a replica cannot judge. */
const blindMs = 5_000;

export interface WorkerOptions {
  readonly world: World;
  readonly state: State<CopyRecord>;
  readonly syncs: Syncs;
  readonly manifests: Pick<Manifests, 'problem'>;
  readonly statuses: StatusWriter;
  readonly sources: SourceWatch;
  readonly reconciler: SyncReconciler;
  readonly missed: MissedChanges;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Runs jobs: the one place where remedies become what the queue does next. */
export function createWorker(options: WorkerOptions): (run: JobRun) => Promise<JobOutcome> {
  const { metrics, logger, random } = options;
  return async (run) => {
    let outcome: JobOutcome;
    try {
      outcome = await runJob(options, run);
    } catch (error) {
      const level = run.signal.aborted ? 'debug' : error instanceof SyncError ? 'warn' : 'error';
      logger[level]({ job: run.job, attempt: run.attempt, err: error }, 'job failed');
      outcome = retryOutcome({
        attempt: run.attempt,
        afterMs: error instanceof SyncError ? (error.retryAfterMs ?? null) : null,
        countsAsAttempt: !run.signal.aborted,
        reason: error instanceof SyncError ? error.reason : 'InternalError',
        random,
      });
    }
    metrics.jobs.inc({ kind: run.job.kind, outcome: outcome.outcome });
    return outcome;
  };
}

async function runJob(options: WorkerOptions, run: JobRun): Promise<JobOutcome> {
  const { job } = run;
  switch (job.kind) {
    case 'path':
      return runPath(options, run, job);
    case 'mount':
      return runMount(options, job);
    case 'sync':
      return options.reconciler.run(run, job.sync);
    case 'copy':
      return runCopy(options, run, job);
    default: {
      const never: never = job;
      return never;
    }
  }
}

/** One secret changed, or may have: every sync that selects it follows. */
async function runPath(options: WorkerOptions, run: JobRun, job: Job & { kind: 'path' }): Promise<JobOutcome> {
  const { world, state, syncs, missed } = options;
  const { vault, namespace, mount, name } = job;
  if (run.heard) missed.heard(job);
  const selecting = syncs.selecting({ vault, namespace, mount, name });
  if (selecting.length === 0) return notOurs(options);
  const outcome = await reconcileSecret({
    world,
    syncs: selecting,
    place: { namespace, mount, name },
    heard: run.heard && {
      version: run.heard.version,
      versionAt: run.heard.versionAt ?? run.heard.at,
      at: run.heard.at,
      lowest: run.heard.lowest,
    },
    signal: run.signal,
    verify: false,
    unsure: isUnsure(run),
  });
  observeLatency(options, run, outcome.results);
  await missed.note(outcome.missed);
  await state.jobs.add([...parked(outcome.results, options.random), ...wholeSyncs(outcome.resync)]);
  return settle(options, run, selecting, outcome);
}

/** A copy that failed is tried again on its own. */
async function runCopy(options: WorkerOptions, run: JobRun, job: Job & { kind: 'copy' }): Promise<JobOutcome> {
  const { world, syncs } = options;
  const current = syncs.get(job.sync);
  if (!current) return notOurs(options);
  const { resolved } = current;
  if (!resolved || resolved.spec.suspend || resolved.sync.deleting) return { outcome: 'done' };
  const [place] = parseSourceKey(job.source).places;
  const outcome = await reconcileSecret({
    world,
    syncs: [resolved],
    place,
    heard: null,
    signal: run.signal,
    // What the last try left behind is not known.
    verify: true,
    backfill: true,
    only: job.copy,
  });
  await options.state.jobs.add(wholeSyncs(outcome.resync));
  const settled = await settle(options, run, [resolved], outcome);
  const failed = outcome.results.find((result) => result.retry !== null);
  if (settled.outcome !== 'done' || !failed?.retry) return settled;
  return retryOutcome({ attempt: run.attempt, reason: failed.reason, random: options.random, ...failed.retry });
}

/** Something changed a whole mount: every sync that reads from it is reconciled. */
async function runMount({ world, state, syncs }: WorkerOptions, job: Job & { kind: 'mount' }): Promise<JobOutcome> {
  await leaveMountWord(state.ledger, String(world.now()));
  await state.jobs.add(syncs.readingFrom(job).map(({ key }) => ({ job: { kind: 'sync', sync: key } })));
  return { outcome: 'done' };
}

/** No sync that this replica knows asks for it. One that cannot see its manifests now leaves it to those who can. */
function notOurs({ manifests }: WorkerOptions): JobOutcome {
  if (manifests.problem() === null) return { outcome: 'done' };
  return { outcome: 'retry', delayMs: blindMs, reason: 'ManifestsUnknown', countsAsAttempt: false };
}

/** Full reconciles of syncs whose selection has changed. */
function wholeSyncs(keys: readonly string[]): NewJob[] {
  return [...new Set(keys)].map((sync) => ({ job: { kind: 'sync', sync } }));
}

/** Tells status and source watch how it went, and what the queue does next. */
async function settle(
  options: WorkerOptions,
  { attempt }: JobRun,
  syncs: readonly ResolvedSync[],
  outcome: SecretOutcome,
): Promise<JobOutcome> {
  const { sources, statuses, random } = options;
  // Who is to come back later has perhaps not read at all.
  const answer = outcome.outcome === 'unread' ? outcome.error : null;
  if (outcome.outcome !== 'later') await Promise.all(syncs.map(({ sync }) => sources.note(sync, answer)));
  for (const { key } of syncs) statuses.touch(key);
  switch (outcome.outcome) {
    case 'done':
      return { outcome: 'done' };
    case 'later':
      return { outcome: 'retry', delayMs: outcome.afterMs, reason: outcome.reason, countsAsAttempt: false };
    case 'unread': {
      const error = outcome.error instanceof SyncError ? outcome.error : null;
      if (error?.remedy === 'FixSpec') return { outcome: 'done' };
      const reason = error?.reason ?? 'InternalError';
      return retryOutcome({ attempt, afterMs: error?.retryAfterMs ?? null, countsAsAttempt: true, reason, random });
    }
    default: {
      const never: never = outcome;
      return never;
    }
  }
}

function observeLatency(
  { world, metrics, statuses }: WorkerOptions,
  run: JobRun,
  results: readonly CopyResult[],
): void {
  if (!run.heard) return;
  const seconds = Math.max(0, world.now() - run.heard.at) / 1000;
  for (const { change, store, sync } of results) {
    if (!writes.has(change)) continue;
    metrics.changeToCopySeconds.observe({ store }, seconds);
    statuses.noteLag(sync, seconds);
  }
}

const writes: ReadonlySet<CopyResult['change']> = new Set([
  'created',
  'updated',
  'metadataUpdated',
  'adopted',
  'restored',
  'deleted',
]);
