import type { Settings } from '../../config/settings.ts';
import { type Destination, storeOf } from '../../crd/vault-secret-sync.ts';
import type { SyncError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import type { Target, TargetContext } from '../../sync-targets/contract.ts';
import { targetKinds } from '../../sync-targets/registry.ts';
import { readText } from '../read-settings.ts';

/** The targets of one process, each opened when a destination first needs it. */
export interface Stores {
  target(destination: Destination): Promise<Target>;
  targetAt(scope: string): Target | null;
  close(): Promise<void>;
}

/** Opens nothing yet; reads the certificate files that settings name. */
export async function composeStores(settings: Settings, logger: Logger): Promise<Stores> {
  const { aws, azure, gcp } = settings.stores;
  const context = <T>(of: T): TargetContext<T> => ({
    settings: of,
    now: Date.now,
    schedule(due, delayMs) {
      const timer = setTimeout(due, delayMs);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
    onBackgroundError: (error: SyncError) => logger.warn({ err: error }, 'a write due later failed'),
  });
  const { caFile, ...restOfAws } = aws;
  const awsContext = context({
    ...restOfAws,
    ...(caFile === undefined ? {} : { caPem: await readText(caFile, 'stores.aws.caFile') }),
  });
  const azureContext = context(azure);
  const gcpContext = context(gcp);
  const byKey = new Map<string, Target>();

  function open(destination: Destination): Target {
    const store = storeOf(destination);
    switch (store) {
      case 'aws':
        return targetKinds.aws.open(destination, awsContext);
      case 'azure':
        return targetKinds.azure.open(destination, azureContext);
      case 'gcp':
        return targetKinds.gcp.open(destination, gcpContext);
      default: {
        const never: never = store;
        return never;
      }
    }
  }

  return {
    async target(destination) {
      const key = targetKinds[storeOf(destination)].keyOf(destination);
      const known = byKey.get(key);
      if (known) return known;
      const target = open(destination);
      byKey.set(key, target);
      return target;
    },
    targetAt: (scope) => [...byKey.values()].find((target) => target.scope === scope) ?? null,
    async close() {
      await Promise.allSettled([...byKey.values()].map((target) => target.close?.()));
      byKey.clear();
    },
  };
}
