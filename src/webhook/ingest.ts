import type { Metrics } from '../metrics.ts';
import type { WebhookState } from '../state/contract.ts';
import type { Clock } from './clock.ts';
import { Intake, isWanted, jobsFor } from './intake.ts';
import type { InterestIndex } from './interest-index.ts';
import { type InterestWatch, watchInterest } from './interest-watch.ts';
import { type BatchBound, JobBatch } from './job-batch.ts';
import type { Notify } from './notices.ts';
import type { Queue } from './queue.ts';
import { RecentChanges } from './recent-changes.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';
import { RepeatedEntries } from './repeated-entries.ts';
import { UnreadChanges } from './unread-changes.ts';
import { createTellUnreadable } from './unreadable.ts';
import { metricsOf, type VaultMetrics } from './vault-metrics.ts';

export interface Ingest {
  /** `bound`: how much may be kept, by whoever cannot make the sender wait. */
  open(vault: string, bound?: BatchBound): Intake;
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
  const unread = new UnreadChanges(clock);

  /** Changes that came before the sync that wants them was known here. */
  const matchRecent = async (index: InterestIndex): Promise<void> => {
    for (const change of unread.takeWanted(index)) recent.keep(change);
    const wanted = recent.takeWanted(({ vault, verdict }) => isWanted(index, vault, verdict));
    const batch = new JobBatch();
    for (const { vault, verdict } of wanted) {
      for (const { job, heard } of jobsFor({ index, vault, verdict, now: clock.now() })) batch.add(job, heard);
    }
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

  const repeated = new RepeatedEntries(clock);
  const tellUnreadable = createTellUnreadable({ requests, metrics, notify });
  const intakeOptions = { watch, recent, unread, repeated, queue, clock, tellUnreadable };
  const byVault = new Map<string, VaultMetrics>();
  const metricsFor = (vault: string): VaultMetrics => {
    const known = byVault.get(vault) ?? metricsOf(vault, metrics);
    byVault.set(vault, known);
    return known;
  };
  return {
    open: (vault, bound) => new Intake(vault, { ...intakeOptions, metrics: metricsFor(vault), bound: bound ?? null }),
    isReady: () => watch.hasRead(),
    close: () => watch.close(),
  };
}
