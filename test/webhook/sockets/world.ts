import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createLogger } from '../../../src/logging.ts';
import { createMetrics, type Metrics } from '../../../src/metrics.ts';
import type { NewJob, WebhookState } from '../../../src/state/contract.ts';
import type { Clock } from '../../../src/webhook/clock.ts';
import { systemClock } from '../../../src/webhook/clock.ts';
import { createIngest } from '../../../src/webhook/ingest.ts';
import { createNotices } from '../../../src/webhook/notices.ts';
import { createQueue, type Queue } from '../../../src/webhook/queue.ts';
import { createReconcileRequests } from '../../../src/webhook/reconcile-requests.ts';
import {
  openSocketListeners,
  type SocketListeners,
  type SocketListenersOptions,
} from '../../../src/webhook/sockets/listeners.ts';
import { auditLine } from '../entries.ts';
import { eventually, jobsOf } from '../fakes.ts';

/** The socket listeners of a webhook, with nothing else of it but the way to the queue. */
export interface ListenersWorld {
  readonly listeners: SocketListeners;
  readonly queue: Queue;
  readonly metrics: Metrics;
  /** Everything that was logged. */
  readonly logged: string[];
  /** A connection to the first TCP listener, or to a unix socket. */
  dial(path?: string): Promise<Socket>;
  count(
    metric: 'auditEntries' | 'jobsQueued' | 'ingestRefused' | 'socketShed' | 'socketConnections',
    labels?: Record<string, string>,
  ): Promise<number>;
  close(): Promise<void>;
}

export type ListenerSettings = Partial<Pick<SocketListenersOptions, 'tcp' | 'unix' | 'udp'>>;

/** One TCP listener on loopback, unless said otherwise. */
export async function startListeners(options: {
  readonly state: WebhookState;
  readonly settings?: ListenerSettings;
  readonly clock?: Clock;
  readonly maxLineBytes?: number;
}): Promise<ListenersWorld> {
  const { state, clock = systemClock, maxLineBytes = 1_000_000 } = options;
  const {
    tcp = [],
    unix = [],
    udp = [],
  } = options.settings ?? { tcp: [{ host: '127.0.0.1', port: 0, vault: 'main' }] };
  const metrics = createMetrics({ withProcess: false });
  const logged: string[] = [];
  const logger = createLogger({ level: 'debug', destination: { write: (line: string) => logged.push(line) } });
  const notify = createNotices({ logger, clock });
  const queue = createQueue({ state, metrics, clock, notify });
  const requests = createReconcileRequests({ queue, clock, notify, intervalMs: 300_000 });
  const ingest = await createIngest({ state, queue, requests, metrics, clock, notify });
  const sockets: Socket[] = [];
  const end = async (): Promise<void> => {
    await requests.close();
    await ingest.close();
    queue.close();
  };
  const listeners = await openSocketListeners({
    tcp,
    unix,
    udp,
    limits: { maxLineBytes },
    ingest,
    requests,
    metrics,
    clock,
    notify,
  }).catch(async (error: unknown) => {
    await end();
    throw error;
  });

  return {
    listeners,
    queue,
    metrics,
    logged,
    async dial(path) {
      const socket = path === undefined ? connect(listeners.tcpAddresses[0]?.port ?? 0, '127.0.0.1') : connect(path);
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.resume();
      await once(socket, 'connect');
      return socket;
    },
    async count(metric, labels = {}) {
      const { values } = await metrics[metric].get();
      const matching = values.filter((value) =>
        Object.entries(labels).every(([key, label]) => value.labels[key as keyof typeof value.labels] === label),
      );
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      listeners.stopListening();
      await listeners.close();
      await end();
      await eventually(() => sockets.every(({ closed }) => closed), 'the end of every connection');
    },
  };
}

/** The jobs of what was heard, without the reconciles that are asked for, as each new connection does. */
export function heardOf(added: readonly NewJob[]): string[] {
  return jobsOf(added).filter((job) => job.startsWith('path '));
}

/** The line of a write to `secret/data/<name>`. */
export function lineOf(name: string): string {
  return auditLine({ path: `secret/data/${name}` });
}
