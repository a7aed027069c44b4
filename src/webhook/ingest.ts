import type { Metrics } from '../metrics.ts';
import type { Heard, NewJob, WebhookState } from '../state/contract.ts';
import type { VerdictSink } from './audit/reader.ts';
import type { Verdict, VerdictKind } from './audit/verdict.ts';
import type { Clock } from './clock.ts';
import { type HeardPlace, type InterestIndex, placesOf, type SecretPlace } from './interest-index.ts';
import { type InterestWatch, watchInterest } from './interest-watch.ts';
import { JobBatch } from './job-batch.ts';
import type { Notify } from './notices.ts';
import type { Queue } from './queue.ts';
import { RecentChanges } from './recent-changes.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';

/** Without a published interest no more than this many jobs may wait; beyond, one job stands for the whole Vault. */
const pendingWithoutInterest = 10_000;
/** Jobs handed to the queue in one call: some 100 ms of Redis' time. */
const jobsPerAdd = 2_000;

/** Takes the verdicts of one body, or of what a TCP connection has sent so far, and makes them jobs. */
export interface Intake extends VerdictSink {
  /** Different jobs gathered and not handed to the queue yet. */
  readonly size: number;
  /**
   * Counts what was heard and hands the jobs to the queue.
   * @throws SyncError `Retry` when the queue does not take them; then they are still here
   */
  commit(): Promise<void>;
  /** Counts what was heard, without touching the queue. */
  report(): void;
  /** Drops the gathered jobs; returns how many there were. */
  shed(): number;
}

export interface Ingest {
  open(vault: string): Intake;
  /** False until it was read what the operator wants to hear. */
  isReady(): boolean;
  close(): Promise<void>;
}

export interface IngestOptions {
  readonly state: WebhookState;
  readonly queue: Queue;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}

/** From verdicts to jobs: what nobody wants goes no further. */
export async function createIngest(options: IngestOptions): Promise<Ingest> {
  const { state, queue, requests, metrics, clock, notify } = options;
  const recent = new RecentChanges(clock);

  /** Changes that came before the sync that wants them was known here. */
  const matchRecent = async (index: InterestIndex): Promise<void> => {
    const wanted = recent.takeWanted(({ vault, verdict }) => isWanted(index, vault, verdict));
    const batch = new JobBatch();
    for (const { vault, verdict } of wanted) gather({ batch, index, vault, verdict, now: clock.now() });
    try {
      await queue.add(batch.take());
    } catch {
      for (const vault of new Set(wanted.map((change) => change.vault))) requests.ask(vault, 'shed');
    }
  };

  const watch: InterestWatch = await watchInterest({
    reader: state.interest,
    metrics,
    clock,
    notify,
    onRevision: (index) => void matchRecent(index),
  });

  return {
    open: (vault) => openIntake({ vault, watch, recent, queue, metrics, clock }),
    isReady: () => watch.hasRead(),
    close: () => watch.close(),
  };
}

interface IntakeOptions {
  readonly vault: string;
  readonly watch: InterestWatch;
  readonly recent: RecentChanges;
  readonly queue: Queue;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

function openIntake({ vault, watch, recent, queue, metrics, clock }: IntakeOptions): Intake {
  const batch = new JobBatch();
  const counts: Record<VerdictKind, number> = { changed: 0, reconcile: 0, ignored: 0, malformed: 0 };

  /** With nothing known of what is wanted the queue must not grow without end. */
  const bounded = async (jobs: NewJob[]): Promise<NewJob[]> => {
    if (watch.current() !== null || jobs.length === 0) return jobs;
    const pending = await queue.pending();
    if (pending + jobs.length <= pendingWithoutInterest) return jobs;
    return [{ job: { kind: 'mount', vault, namespace: '', mount: '' } }];
  };
  const report = (): void => {
    for (const [verdict, count] of Object.entries(counts)) {
      if (count > 0) metrics.auditEntries.inc({ vault, verdict }, count);
      counts[verdict as VerdictKind] = 0;
    }
  };

  return {
    get size() {
      return batch.size;
    },
    passedOver() {
      counts.ignored += 1;
    },
    verdict(verdict) {
      counts[verdict.verdict] += 1;
      if (verdict.verdict !== 'changed' && verdict.verdict !== 'reconcile') return;
      const gathered = gather({ batch, index: watch.current(), vault, verdict, now: clock.now() });
      if (!gathered) recent.keep({ vault, verdict });
    },
    async commit() {
      report();
      let left = batch.take();
      try {
        left = await bounded(left);
        while (left.length > 0) {
          await queue.add(left.slice(0, jobsPerAdd));
          left = left.slice(jobsPerAdd);
        }
      } catch (error) {
        for (const { job, heard } of left) batch.add(job, heard);
        throw error;
      }
    },
    report,
    shed: () => batch.take().length,
  };
}

interface Gathering {
  readonly batch: JobBatch;
  /** Null when nothing is known of what is wanted: then everything is. */
  readonly index: InterestIndex | null;
  readonly vault: string;
  readonly verdict: Verdict;
  readonly now: number;
}

/** Adds the jobs that a verdict asks for; false when nobody wants any. */
function gather({ batch, index, vault, verdict, now }: Gathering): boolean {
  if (verdict.verdict === 'reconcile' && !isKv1Secret(index, vault, verdict)) {
    if (index && !isWanted(index, vault, verdict)) return false;
    batch.add({ kind: 'mount', vault, namespace: verdict.namespace ?? '', mount: verdict.mount ?? '' });
    return true;
  }
  const place = heardPlace(vault, verdict);
  const places = index ? index.match(place) : placesOf(place);
  for (const secret of places) {
    const { mount, name } = secret;
    batch.add({ kind: 'path', vault, namespace: place.namespace, mount, name }, heardOf(verdict, secret, now));
  }
  return places.length > 0;
}

function isWanted(index: InterestIndex, vault: string, verdict: Verdict): boolean {
  if (verdict.verdict === 'changed' || isKv1Secret(index, vault, verdict)) {
    return index.match(heardPlace(vault, verdict)).length > 0;
  }
  return index.selectsWithin({ vault, namespace: verdict.namespace ?? '', mount: verdict.mount ?? '' });
}

/** A write to `<mount>/config` sets up a KV v2 mount; in a KV v1 mount it is a secret like any other. */
function isKv1Secret(index: InterestIndex | null, vault: string, verdict: Verdict): boolean {
  if (verdict.reason !== 'MountConfigured') return false;
  return index?.kvVersion(vault, verdict.namespace ?? '', verdict.mount ?? '') === 1;
}

function heardPlace(vault: string, verdict: Verdict): HeardPlace {
  return { vault, namespace: verdict.namespace ?? '', mount: verdict.mount, path: verdict.path ?? '' };
}

/** The version counts for the KV v2 reading only; a clock of Vault's that is ahead does not move time here. */
function heardOf(verdict: Verdict, secret: SecretPlace, now: number): Heard {
  const version = secret.kvVersion === 2 ? verdict.version : null;
  return { version, at: verdict.time === null ? now : Math.min(verdict.time, now) };
}
