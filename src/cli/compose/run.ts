import type { Settings } from '../../config/settings.ts';
import type { KubernetesClient } from '../../kubernetes/contract.ts';
import { createLogger, type Logger } from '../../logging.ts';
import { createMetrics } from '../../metrics.ts';
import { type RunOptions, runOnce } from '../one-run.ts';
import { rehearseStores } from '../rehearsal/rehearse.ts';
import { composeStores } from './stores.ts';
import { composeVaults } from './vaults.ts';
import { composeWorld, type WorldParts } from './world.ts';

export interface RunParts extends Pick<RunOptions, 'syncs' | 'isAskedFor' | 'mayExist' | 'onReport'> {
  readonly settings: Settings;
  readonly state: WorldParts['state'];
  readonly kubernetes: KubernetesClient | null;
  readonly fingerprintKey?: Uint8Array;
  /** Look only: no store is written, whatever `state` does with what it is told. */
  readonly isRehearsal: boolean;
  readonly logger: Logger;
}

/** Puts together what a run without a server needs, runs, and closes it again. SIGINT and SIGTERM end the run early. */
export async function composeRun(parts: RunParts): Promise<void> {
  const { settings, state, kubernetes, fingerprintKey, isRehearsal, logger, ...asked } = parts;
  const metrics = createMetrics({ withProcess: false });
  const opened = await composeStores(settings, { logger, kubernetes });
  const stores = isRehearsal ? rehearseStores(opened) : opened;
  const vaults = await composeVaults(settings, { logger, metrics });
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const key = fingerprintKey ? { fingerprintKey } : {};
    const world = await composeWorld({ settings, state, stores, vaults, kubernetes, logger, metrics, ...key });
    await runOnce({
      ...asked,
      // A plan shows what is due, also while the settings keep it from being done.
      world: isRehearsal ? { ...world, writes: () => 'enabled' } : world,
      signal: stopping.signal,
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await vaults.close();
    await stores.close();
  }
}

/** A run tells what it does by itself: of the log only what went wrong is wanted, unless the settings ask for more. */
export function runLogger({ log }: Settings): Logger {
  return createLogger({ level: log.level === 'info' ? 'error' : log.level });
}
