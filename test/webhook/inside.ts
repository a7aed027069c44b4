import { expect } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import type { Interest } from '../../src/state/contract.ts';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import { createIngest, type Ingest } from '../../src/webhook/ingest.ts';
import { createNotices } from '../../src/webhook/notices.ts';
import { createQueue } from '../../src/webhook/queue.ts';
import { createReconcileRequests, type ReconcileRequests } from '../../src/webhook/reconcile-requests.ts';
import { auditLine, type EntryOptions } from './entries.ts';
import { type FakeClock, type FakeState, fakeClock, fakeState, interestIn, settle } from './fakes.ts';

/** Ten seconds after the entries of `auditEntry`. */
export const now = Date.parse('2026-03-01T12:00:10Z');
const closers: (() => Promise<void>)[] = [];

export interface Inside {
  readonly clock: FakeClock;
  readonly state: FakeState;
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  hear(...entries: EntryOptions[]): Promise<void>;
}

/** The inside of the webhook, without its listeners. */
export async function startInside(
  interest: Interest | null = interestIn(),
  mode: FakeState['mode'] = 'up',
): Promise<Inside> {
  const clock = fakeClock(now);
  const state = fakeState(interest);
  state.mode = mode;
  const metrics = createMetrics({ withProcess: false });
  const notify = createNotices({ logger: createLogger({ level: 'silent' }), clock });
  const queue = createQueue({ state, metrics, clock, notify });
  const requests = createReconcileRequests({ queue, clock, notify, intervalMs: 300_000 });
  const starting = createIngest({ state, queue, requests, metrics, clock, notify });
  if (mode === 'silent') await clock.advance(900);
  const ingest = await starting;
  closers.push(async () => {
    await requests.close();
    await ingest.close();
    queue.close();
    expect(state.watchers).toBe(0);
    await settle();
    expect(clock.waiting).toBe(0);
  });
  return {
    clock,
    state,
    ingest,
    requests,
    metrics,
    async hear(...entries) {
      const intake = ingest.open('main');
      const reader = new AuditReader({ maxRecordBytes: 1_000_000, prefilter: true, sink: intake });
      reader.push(Buffer.from(entries.map(auditLine).join('')));
      reader.end();
      await intake.commit();
    },
  };
}

/** Ends all that were started, and expects that nothing is left waiting. */
export async function closeInsides(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}
