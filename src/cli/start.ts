import type { Settings } from '../config/settings.ts';
import type { KubernetesClient } from '../kubernetes/contract.ts';
import { createLogger, type Logger } from '../logging.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import type { Operator } from '../operator/index.ts';
import type { Manifests } from '../operator/manifests/contract.ts';
import { startOpsServer } from '../ops/server.ts';
import type { State } from '../state/contract.ts';
import type { CopyRecord } from '../sync/ports.ts';
import type { Webhook } from '../webhook/index.ts';
import type { Arguments } from './arguments.ts';
import { composeState, type States } from './compose/state.ts';
import { fitHeap } from './heap.ts';
import { exitCodes } from './output.ts';
import { parseSettings, readSettings, settingsFile } from './read-settings.ts';
import { type SettingsWatchOptions, watchSettings } from './settings-watch.ts';

/** Runs the roles that the settings name until the process is told to stop. */
export async function start(given: Arguments): Promise<number> {
  const settings = await readSettings(given);
  fitHeap(settings.roles.includes('operator') ? 'all' : 'hearing');
  let live: Pick<Settings, 'writes' | 'log'> = settings;
  const logger = createLogger({ level: () => live.log.level });
  // What is open, newest first: closed in this order.
  const open: (() => Promise<void>)[] = [];
  const graceMs = settings.shutdownGrace * 1000;
  const stopped = stopSignal(logger);
  try {
    const states = await composeState(settings, logger);
    open.unshift(() => states.close());
    const jobs = states.operator?.jobs;
    const watch = (states.operator ?? states.webhook)?.watch;
    const metrics = createMetrics({
      withProcess: true,
      countDeadLetters: jobs && (() => jobs.countDeadLetters()),
      stateMayEvict: watch && (() => watch.mayEvict()),
    });
    watch?.whenLost((loss) => metrics.stateLosses.inc({ loss }));
    const writes = () => live.writes;
    const parts: Parts = { settings, writes, logger, metrics, states, graceMs, open };
    tellWrites(logger, settings);
    const operator = settings.roles.includes('operator') ? await startOperatorRole(parts) : null;
    const webhook = settings.roles.includes('webhook') ? await startWebhookRole(parts) : null;
    const ops = await startOpsServer({
      ...settings.ops,
      registry: metrics.registry,
      readiness: () => readiness({ states, operator, webhook }),
    });
    open.unshift(() => ops.close());
    logger.info(
      {
        roles: settings.roles,
        ops: ops.address,
        ...(webhook?.httpAddress
          ? {
              events: `${settings.webhook.http.tls ? 'https' : 'http'}://${webhook.httpAddress.address}:${webhook.httpAddress.port}/events`,
            }
          : {}),
        ...(webhook && webhook.tcpAddresses.length > 0
          ? { tcp: webhook.tcpAddresses.map(({ address, port }) => `${address}:${port}`) }
          : {}),
        ...(webhook && webhook.udpAddresses.length > 0
          ? { udp: webhook.udpAddresses.map(({ address, port }) => `${address}:${port}`) }
          : {}),
      },
      'started',
    );
    const file = settingsFile(given);
    if (file !== null) {
      const parse = (text: string) => parseSettings(given, text);
      const apply: SettingsWatchOptions['apply'] = (latest) => {
        const before = live;
        live = latest;
        if (before.writes === latest.writes) return;
        tellWrites(logger, latest);
        if (latest.writes === 'enabled') operator?.reconcileAll();
      };
      const watch = watchSettings({ file, parse, started: settings, apply, logger });
      open.unshift(() => watch.close());
    }
    await stopped;
  } finally {
    for (const close of open) {
      await close().catch((error: unknown) => logger.error({ err: error }, 'not closed cleanly'));
    }
    logger.info('stopped');
  }
  return exitCodes.ok;
}

/** That nothing is written must not surprise anybody. */
function tellWrites(logger: Logger, { writes }: Pick<Settings, 'writes'>): void {
  if (writes === 'paused') logger.warn('writes are paused: nothing is written or deleted in any store');
}

interface Parts {
  readonly settings: Settings;
  /** As the settings say now. */
  readonly writes: () => Settings['writes'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly states: States;
  readonly graceMs: number;
  readonly open: (() => Promise<void>)[];
}

async function startOperatorRole(parts: Parts): Promise<Operator> {
  const { settings, states, open } = parts;
  const logger = parts.logger.child({ role: 'operator' });
  if (!states.operator) throw new Error('the operator role has no state');
  // Loaded here and not above: a webhook process holds none of this.
  const { composeStores } = await import('./compose/stores.ts');
  const { composeVaults } = await import('./compose/vaults.ts');
  const { composeWorld } = await import('./compose/world.ts');
  const { startOperator } = await import('../operator/index.ts');
  const kubernetes = settings.manifests.directory === undefined ? await connect(settings, logger) : null;
  if (kubernetes) open.unshift(() => kubernetes.close());
  const stores = await composeStores(settings, { logger, kubernetes });
  open.unshift(() => stores.close());
  const vaults = await composeVaults(settings, { ...parts, logger });
  open.unshift(() => vaults.close());
  const state = states.operator;
  const world = await composeWorld({ ...parts, state, stores, vaults, kubernetes, logger });
  const operator = await startOperator({
    world,
    vaults: settings.vaults,
    state,
    manifests: await openManifests({ settings, kubernetes, state, logger }),
    concurrency: settings.operator.concurrency,
    metrics: parts.metrics,
    logger,
    random: Math.random,
  });
  open.unshift(() => operator.close(parts.graceMs));
  return operator;
}

async function connect({ manifests }: Settings, logger: Logger): Promise<KubernetesClient> {
  const { connectKubernetes } = await import('../kubernetes/connect.ts');
  return connectKubernetes({
    logger,
    ...(manifests.kubeconfig === undefined ? {} : { kubeconfig: manifests.kubeconfig }),
  });
}

async function openManifests(parts: {
  readonly settings: Settings;
  readonly kubernetes: KubernetesClient | null;
  readonly state: State<CopyRecord>;
  readonly logger: Logger;
}): Promise<Manifests> {
  const { settings, kubernetes, state, logger } = parts;
  const { namespaces, directory = '' } = settings.manifests;
  if (kubernetes) {
    const { KubernetesManifests } = await import('../operator/manifests/kubernetes.ts');
    return new KubernetesManifests({ client: kubernetes, namespaces, logger });
  }
  const { FolderManifests } = await import('../operator/manifests/folder.ts');
  const { agreedGenerations } = await import('../operator/manifests/generations.ts');
  return new FolderManifests({ directory, logger, generations: agreedGenerations(state) });
}

async function startWebhookRole({ settings, states, metrics, logger, open, graceMs }: Parts): Promise<Webhook> {
  if (!states.webhook) throw new Error('the webhook role has no state');
  const { startWebhook, systemClock } = await import('../webhook/index.ts');
  const section = settings.webhook;
  const webhook = await startWebhook({
    settings: {
      http: section.http.enabled ? section.http : null,
      tcp: section.tcp,
      unix: section.unix,
      udp: section.udp,
      files: section.files,
      eventSubscriptions: section.eventSubscriptions.flatMap((entry) => {
        const vault = settings.vaults.find(({ name }) => name === entry.vault);
        return vault ? [{ address: vault.address, caFile: vault.caFile, ...entry }] : [];
      }),
      tokens: section.tokens,
      allowUnauthenticated: section.allowUnauthenticated,
      limits: {
        maxBodyBytes: section.maxBodyBytes,
        maxLineBytes: section.maxLineBytes,
        maxConnections: section.http.maxConnections,
        maxConnectionsPerAddress: section.http.maxConnectionsPerAddress,
        maxRequestsPerSender: section.http.maxRequestsPerSender,
        requestsPerSecond: section.http.requestsPerSecond,
        headerMs: section.http.headerSeconds * 1000,
        requestMs: section.http.bodySeconds * 1000,
      },
      vaults: settings.vaults.map(({ name, address, aliases }) => ({ name, address, aliases })),
    },
    state: states.webhook,
    metrics,
    logger: logger.child({ role: 'webhook' }),
    clock: systemClock,
  });
  open.unshift(() => webhook.close(graceMs));
  return webhook;
}

async function readiness(parts: {
  states: States;
  operator: Operator | null;
  webhook: Webhook | null;
}): Promise<Record<string, string | null>> {
  const { states, operator, webhook } = parts;
  const state = states.operator ?? states.webhook;
  const away = await state?.ping().then(
    () => null,
    () => 'the shared state does not answer',
  );
  const hears = webhook?.ready();
  return {
    state: away ?? null,
    ...(operator ? { operator: operator.problem() } : {}),
    ...(hears ? { webhook: hears.ready ? null : hears.reason } : {}),
  };
}

/** Resolves at the first SIGTERM or SIGINT; a second one, also during the stop, ends the process at once. */
function stopSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (told) process.exit(exitCodes.failed);
      told = true;
      logger.info({ signal }, 'stopping: work in hand is finished first');
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
