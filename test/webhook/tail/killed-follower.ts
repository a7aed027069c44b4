import { appendFileSync } from 'node:fs';
import { createLogger } from '../../../src/logging.ts';
import { createMetrics } from '../../../src/metrics.ts';
import { systemClock } from '../../../src/webhook/clock.ts';
import { createIngest } from '../../../src/webhook/ingest.ts';
import { createNotices } from '../../../src/webhook/notices.ts';
import { createQueue } from '../../../src/webhook/queue.ts';
import { createReconcileRequests } from '../../../src/webhook/reconcile-requests.ts';
import { defaultLimits } from '../../../src/webhook/settings.ts';
import { Tail } from '../../../src/webhook/tail/tail.ts';
import { fakeState } from '../fakes.ts';

/**
 * A process that follows an audit file until it is killed. Its queue is a file, to which jobs are appended when they are
 * taken: what stands there outlives it, as it would in Redis.
 */
const [path = '', checkpoint = '', queueFile = ''] = process.argv.slice(2);
const state = fakeState();
state.inbox.add = async (jobs) => {
  appendFileSync(queueFile, jobs.map((job) => `${JSON.stringify(job)}\n`).join(''));
};
const metrics = createMetrics({ withProcess: false });
const clock = systemClock;
const notify = createNotices({ logger: createLogger({ level: 'info' }), clock });
const queue = createQueue({ state, metrics, clock, notify });
const requests = createReconcileRequests({ queue, clock, notify, intervalMs: 0 });
const ingest = await createIngest({ state, queue, requests, metrics, clock, notify });
const { maxLineBytes } = defaultLimits;
await Tail.start({ path, vault: 'main', checkpoint, maxLineBytes, ingest, requests, metrics, clock, notify });
// Nothing else would keep it alive between two looks.
setInterval(() => undefined, 60_000);
console.log('following');
