import type { AddressInfo, Server } from 'node:net';
import { InputError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import type { WebhookState } from '../state/contract.ts';
import type { Clock } from './clock.ts';
import { createAuthenticate } from './credentials.ts';
import { createHttpServer } from './http.ts';
import { createIngest } from './ingest.ts';
import { createNotices } from './notices.ts';
import { createQueue } from './queue.ts';
import { createReconcileRequests } from './reconcile-requests.ts';
import { defaultLimits, type ListenAddress, type WebhookSettings } from './settings.ts';
import { createAllowList, createTcpIntake } from './tcp.ts';
import { createWhichVault } from './which-vault.ts';

export { systemClock } from './clock.ts';
export type { WebhookSettings } from './settings.ts';

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  readonly state: WebhookState;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface Webhook {
  /** Null without an HTTP listener. */
  readonly httpAddress: AddressInfo | null;
  /** In the order of the settings. */
  readonly tcpAddresses: readonly AddressInfo[];
  /** Whether events can be taken now, and if not, why. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /** Takes no new connections, finishes the requests under way for up to `graceMs`, then ends every connection. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for audit entries and turns those that somebody wants into jobs.
 * @throws InputError for settings that cannot be run with, and for addresses that cannot be listened on
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { settings, state, metrics, logger, clock } = options;
  const limits = { ...defaultLimits, ...settings.limits };
  const authenticate = settings.http ? createAuthenticate(settings) : null;
  const allowLists = settings.tcp.map(({ allow }) => createAllowList(allow ?? []));
  checkVaults(settings);

  let closing = false;
  const notify = createNotices({ logger, clock });
  const queue = createQueue({ state, metrics, clock, notify });
  const requests = createReconcileRequests({ queue, clock, notify, intervalMs: limits.reconcileIntervalMs });
  const ingest = await createIngest({ state, queue, requests, metrics, clock, notify });
  const intakes = settings.tcp.map(({ vault }, index) =>
    createTcpIntake({
      vault,
      isAllowed: allowLists[index] ?? (() => true),
      maxLineBytes: limits.maxLineBytes,
      ingest,
      requests,
      metrics,
      clock,
      notify,
    }),
  );
  const http = authenticate
    ? createHttpServer({
        ingest,
        requests,
        authenticate,
        whichVault: createWhichVault(settings.vaults),
        limits,
        metrics,
        notify,
        isClosing: () => closing,
      })
    : null;

  const stop = async (): Promise<void> => {
    closing = true;
    requests.close();
    await Promise.all(intakes.map((intake) => intake.close()));
    await ingest.close();
    queue.close();
  };

  try {
    for (const [index, intake] of intakes.entries()) await listen(intake.server, settings.tcp[index]);
    if (http) await listen(http, settings.http);
  } catch (error) {
    for (const server of [http, ...intakes.map((intake) => intake.server)]) server?.close();
    await stop();
    throw error;
  }
  // Whatever changed while nobody listened.
  for (const { name } of settings.vaults) requests.ask(name, 'start');

  return {
    httpAddress: http ? addressOf(http) : null,
    tcpAddresses: intakes.map((intake) => addressOf(intake.server)),
    ready() {
      if (closing) return { ready: false, reason: 'the webhook is shutting down' };
      if (queue.isAway()) return { ready: false, reason: 'the queue does not answer' };
      if (!ingest.isReady()) return { ready: false, reason: 'what the operator wants to hear was not read yet' };
      return { ready: true, reason: '' };
    },
    async close(graceMs) {
      closing = true;
      for (const { server } of intakes) server.close();
      if (http) {
        const closed = new Promise<void>((resolve) => {
          http.close(() => resolve());
        });
        http.closeIdleConnections();
        const cancel = clock.after(graceMs, () => http.closeAllConnections());
        await closed;
        cancel();
      }
      await stop();
    },
  };
}

function checkVaults({ vaults, tcp, tokens }: WebhookSettings): void {
  const names = vaults.map(({ name }) => name);
  for (const [list, entries] of Object.entries({ tcp, tokens })) {
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
