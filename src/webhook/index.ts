import type { AddressInfo, Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { InputError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { WebhookState } from '../state/contract.ts';
import type { Clock } from './clock.ts';
import { openDoor } from './door.ts';
import { createHttpListener } from './http.ts';
import { createIngest } from './ingest.ts';
import { createNotices } from './notices.ts';
import { createQueue } from './queue.ts';
import { createReconcileRequests } from './reconcile-requests.ts';
import { defaultLimits, type ListenAddress, type WebhookSettings } from './settings.ts';
import { openSocketListeners, type SocketListeners } from './sockets/listeners.ts';
import { type Subscriptions, startSubscriptions } from './subscriptions/subscriptions.ts';
import { startTails, type Tails } from './tail/tails.ts';
import { createWhichVault } from './which-vault.ts';

export { systemClock } from './clock.ts';
export type { WebhookSettings } from './settings.ts';

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  readonly state: WebhookState;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

export interface Webhook {
  /** Null without an HTTP listener. */
  readonly httpAddress: AddressInfo | null;
  /** In the order of the settings. */
  readonly tcpAddresses: readonly AddressInfo[];
  readonly udpAddresses: readonly AddressInfo[];
  /** Whether events can be taken now, and if not, why. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /** Takes no new connections, finishes the requests under way for up to `graceMs`, then ends every connection. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for audit entries, follows files of them, and turns those that somebody wants into jobs.
 * @throws InputError for settings that cannot be run with, and for addresses that cannot be listened on
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { settings, state, metrics, logger, clock } = options;
  const limits = { ...defaultLimits, ...settings.limits };
  checkVaults(settings);

  let closing = false;
  let endWatch = (): void => undefined;
  let sockets: SocketListeners | null = null;
  let tails: Tails | null = null;
  let subscriptions: Subscriptions | null = null;
  const notify = createNotices({ logger, clock });
  const door = settings.http ? await openDoor({ ...options, http: settings.http, notify }) : null;
  const queue = createQueue({ state, metrics, clock, notify });
  const requests = createReconcileRequests({
    queue,
    clock,
    notify,
    intervalMs: limits.reconcileIntervalMs,
    starting: settings.vaults.map(({ name }) => name),
  });
  const ingest = await createIngest({ state, queue, requests, metrics, clock, notify }).catch((error: unknown) => {
    door?.close();
    throw error;
  });
  const http = door
    ? createHttpListener({
        ingest,
        requests,
        authenticate: door.authenticate,
        tls: door.tls,
        clock,
        whichVault: createWhichVault(settings.vaults),
        limits,
        metrics,
        notify,
        isClosing: () => closing,
      })
    : null;

  const stop = async (): Promise<void> => {
    closing = true;
    endWatch();
    door?.close();
    await sockets?.close();
    await tails?.close();
    await subscriptions?.close();
    // Whoever hears has ended: nothing is lost here any more that could be asked for.
    await requests.close();
    await ingest.close();
    queue.close();
  };

  try {
    const { tcp, unix = [], udp = [] } = settings;
    sockets = await openSocketListeners({ tcp, unix, udp, limits, ingest, requests, metrics, clock, notify });
    if (http) await listen(http.server, settings.http);
    const { maxLineBytes } = limits;
    tails = await startTails(settings.files ?? [], { maxLineBytes, ingest, requests, metrics, clock, notify });
    const { random = Math.random } = options;
    const { eventSubscriptions = [] } = settings;
    subscriptions = await startSubscriptions(eventSubscriptions, { ingest, requests, metrics, clock, random, notify });
  } catch (error) {
    http?.server.close();
    sockets?.stopListening();
    await stop();
    throw error;
  }
  // Whatever changed while nobody listened.
  for (const { name } of settings.vaults) requests.ask(name, 'start');
  endWatch = state.watch.whenLost(() => {
    for (const { name } of settings.vaults) requests.ask(name, 'state');
  });

  return {
    httpAddress: http ? addressOf(http.server) : null,
    tcpAddresses: sockets.tcpAddresses,
    udpAddresses: sockets.udpAddresses,
    ready() {
      if (closing) return { ready: false, reason: 'the webhook is shutting down' };
      if (queue.isAway()) return { ready: false, reason: 'the queue does not answer' };
      if (!ingest.isReady()) return { ready: false, reason: 'what the operator wants to hear was not read yet' };
      const problem = tails?.problem() ?? null;
      return { ready: problem === null, reason: problem ?? '' };
    },
    async close(graceMs) {
      closing = true;
      sockets?.stopListening();
      if (http) {
        const closed = new Promise<void>((resolve) => {
          http.server.close(() => resolve());
        });
        http.server.closeIdleConnections();
        const cancel = clock.after(graceMs, () => http.endConnections());
        await closed;
        cancel();
        // Whoever reads a body that was cut learns of it now, and asks for its Vault.
        await nextTurn();
      }
      await stop();
    },
  };
}

function checkVaults({
  vaults,
  http,
  tcp,
  unix = [],
  udp = [],
  files = [],
  eventSubscriptions = [],
  tokens,
}: WebhookSettings): void {
  const clients = http?.tls?.clients ?? [];
  const names = vaults.map(({ name }) => name);
  for (const [list, entries] of Object.entries({
    tcp,
    unix,
    udp,
    files,
    eventSubscriptions,
    tokens,
    'http.tls.clients': clients,
  })) {
    for (const { vault } of entries) {
      if (vault === undefined || names.includes(vault)) continue;
      throw new InputError(`webhook.${list} names the Vault "${vault}", but vaults has only: ${names.join(', ')}`);
    }
  }
}

function listen(server: Server, address: ListenAddress | null | undefined): Promise<void> {
  const { host, port } = address ?? { host: '127.0.0.1', port: 0 };
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new InputError(`the webhook cannot listen on ${host}:${port}: is the port taken?`, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a listener has no address');
  return address;
}
