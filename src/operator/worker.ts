import { SyncError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { Job, JobOutcome, JobRun, State } from '../state/contract.ts';
import { parseSourceKey } from '../sync/marks.ts';
import type { CopyRecord, CopyResult, World } from '../sync/ports.ts';
import { reconcileSecret, type SecretOutcome } from '../sync/secret.ts';
import { retryOutcome } from './backoff.ts';
import { parked } from './parking.ts';
import type { SyncReconciler } from './reconcile-sync.ts';
import type { SourceWatch } from './source-watch.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Syncs } from './syncs.ts';

export interface WorkerOptions {
  readonly world: World;
  readonly state: State<CopyRecord>;
  readonly syncs: Syncs;
  readonly statuses: StatusWriter;
  readonly sources: SourceWatch;
  readonly reconciler: SyncReconciler;
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
      const level = run.signal.aborted ? 'debug' : 'error';
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
  const { world, state, syncs } = options;
  const { vault, namespace, mount, name } = job;
  const selecting = syncs.selecting({ vault, namespace, mount, name });
  if (selecting.length === 0) return { outcome: 'done' };
  const outcome = await reconcileSecret({
    world,
    syncs: selecting,
    place: { namespace, mount, name },
    heard: run.heard && { version: run.heard.version, versionAt: run.heard.versionAt ?? run.heard.at },
    signal: run.signal,
    verify: false,
  });
  observeLatency(options, run, outcome.results);
  await state.jobs.add(parked(outcome.results, options.random));
  return settle(
    options,
    run,
    selecting.map(({ key }) => key),
    outcome,
  );
}

/** A copy that failed is tried again on its own. */
async function runCopy(options: WorkerOptions, run: JobRun, job: Job & { kind: 'copy' }): Promise<JobOutcome> {
  const { world, syncs } = options;
  const resolved = syncs.get(job.sync)?.resolved;
  if (!resolved || resolved.spec.suspend || resolved.sync.deleting) return { outcome: 'done' };
  const { place } = parseSourceKey(job.source);
  const outcome = await reconcileSecret({
    world,
    syncs: [resolved],
    place,
    heard: null,
    signal: run.signal,
    // What the last try left behind is not known.
    verify: true,
    only: job.copy,
  });
  const settled = settle(options, run, [job.sync], outcome);
  const failed = outcome.results.find((result) => result.retry !== null);
  if (settled.outcome !== 'done' || !failed?.retry) return settled;
  return retryOutcome({ attempt: run.attempt, reason: failed.reason, random: options.random, ...failed.retry });
}

/** Something changed a whole mount: every sync that reads from it is reconciled. */
async function runMount({ state, syncs }: WorkerOptions, job: Job & { kind: 'mount' }): Promise<JobOutcome> {
  await state.jobs.add(syncs.readingFrom(job).map(({ key }) => ({ job: { kind: 'sync', sync: key } })));
  return { outcome: 'done' };
}

/** Tells status and source watch how it went, and what the queue does next. */
function settle(options: WorkerOptions, run: JobRun, keys: readonly string[], outcome: SecretOutcome): JobOutcome {
  const { sources, statuses, random } = options;
  for (const key of keys) {
    sources.note(key, outcome.outcome === 'unread' ? outcome.error : null);
    statuses.touch(key);
  }
  const { attempt } = run;
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

function observeLatency({ world, metrics }: WorkerOptions, run: JobRun, results: readonly CopyResult[]): void {
  if (!run.heard) return;
  const seconds = Math.max(0, world.now() - run.heard.at) / 1000;
  for (const { change, store } of results) {
    const written = change === 'created' || change === 'updated' || change === 'restored' || change === 'deleted';
    if (written) metrics.changeToCopySeconds.observe({ store }, seconds);
  }
}
