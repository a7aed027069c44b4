import { appendFile, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../../src/logging.ts';
import { createMetrics, type Metrics } from '../../../src/metrics.ts';
import { systemClock } from '../../../src/webhook/clock.ts';
import { createIngest } from '../../../src/webhook/ingest.ts';
import { createNotices } from '../../../src/webhook/notices.ts';
import { createQueue } from '../../../src/webhook/queue.ts';
import { createReconcileRequests } from '../../../src/webhook/reconcile-requests.ts';
import { defaultLimits } from '../../../src/webhook/settings.ts';
import { Tail } from '../../../src/webhook/tail/tail.ts';
import { auditLine } from '../entries.ts';
import { eventually, type FakeState, fakeState, jobsOf } from '../fakes.ts';

/** A folder with an audit file that the test writes, and what is needed to follow it. */
export interface TailWorld {
  readonly folder: string;
  /** The audit file. */
  readonly log: string;
  readonly checkpoint: string;
  readonly state: FakeState;
  readonly metrics: Metrics;
  readonly logged: string[];
  /** Starts to follow the file, as a process does. */
  start(options?: { checkpoint?: string; maxLineBytes?: number }): Promise<Tail>;
  /** Ends what follows the file, as a process that is told to stop does. */
  stop(): Promise<void>;
  /** Appends lines that change these secrets. */
  change(...names: string[]): Promise<void>;
  /** Renames the file, as logrotate does; its writer begins a new one when it is told to. */
  rotateTo(name: string): Promise<string>;
  /** Names of the secrets that were queued since this was last asked, once there are so many. */
  heard(count: number): Promise<string[]>;
  /** Whether a reconcile was asked for. */
  reconciles(): number;
  /** Where the checkpoint on the disk stands. */
  savedOffset(): Promise<number>;
  sizeOf(file: string): Promise<number>;
  count(metric: 'fileLosses' | 'fileRotations' | 'auditEntries', labels?: Record<string, string>): Promise<number>;
  close(): Promise<void>;
}

export function changeOf(name: string): string {
  return auditLine({ path: `secret/data/${name}` });
}

export async function makeTailWorld(): Promise<TailWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'vss-tail-'));
  const log = join(folder, 'audit.log');
  const checkpoint = join(folder, 'checkpoint.json');
  const state = fakeState();
  const metrics = createMetrics({ withProcess: false });
  const logged: string[] = [];
  const clock = systemClock;
  let stop: () => Promise<void> = async () => undefined;
  let told = 0;

  const secretsHeard = (): string[] =>
    jobsOf(state.added)
      .filter((job) => job.startsWith('path'))
      .map((job) => job.replace('path main  secret ', ''));
  return {
    folder,
    log,
    checkpoint,
    state,
    metrics,
    logged,
    async start(options = {}) {
      const logger = createLogger({ level: 'debug', destination: { write: (line: string) => logged.push(line) } });
      const notify = createNotices({ logger, clock });
      const queue = createQueue({ state, metrics, clock, notify });
      const requests = createReconcileRequests({ queue, clock, notify, intervalMs: 0 });
      const ingest = await createIngest({ state, queue, requests, metrics, clock, notify });
      const { maxLineBytes } = defaultLimits;
      const shared = { vault: 'main', checkpoint, maxLineBytes, ingest, requests, metrics, clock, notify };
      const end = async (tail?: Tail): Promise<void> => {
        await tail?.close();
        await requests.close();
        await ingest.close();
        queue.close();
      };
      const tail = await Tail.start({ path: log, ...shared, ...options }).catch(async (error: unknown) => {
        await end();
        throw error;
      });
      stop = async () => {
        stop = async () => undefined;
        await end(tail);
      };
      return tail;
    },
    stop: () => stop(),
    change: (...names) => appendFile(log, names.map(changeOf).join('')),
    async rotateTo(name) {
      const rotated = join(folder, name);
      await rename(log, rotated);
      return rotated;
    },
    async heard(count) {
      await eventually(() => secretsHeard().length >= told + count, `${count} more than ${secretsHeard().slice(told)}`);
      const heard = secretsHeard().slice(told);
      told = secretsHeard().length;
      return heard;
    },
    reconciles: () => jobsOf(state.added).filter((job) => job.startsWith('mount')).length,
    async savedOffset() {
      return (JSON.parse(await readFile(checkpoint, 'utf8')) as { offset: number }).offset;
    },
    sizeOf: async (file) => (await stat(file)).size,
    async count(metric, labels = {}) {
      const { values } = await metrics[metric].get();
      const matching = values.filter((value) =>
        Object.entries(labels).every(([key, label]) => value.labels[key as keyof typeof value.labels] === label),
      );
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
