import type { Settings } from '../../config/settings.ts';
import { type Destination, storeOf } from '../../crd/vault-secret-sync.ts';
import type { SyncError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import type { WrittenPlace } from '../../sync/ports.ts';
import type { CallKind, Rate, Target, TargetContext } from '../../sync-targets/contract.ts';
import { targetKinds } from '../../sync-targets/registry.ts';
import { readText } from '../read-settings.ts';

/** The targets of one process, each opened when a destination first needs it. */
export interface Stores {
  target(destination: Destination): Promise<Target>;
  /** The target behind a place that was written before; null when no kind of store knows it. @throws SyncError `FixSpec` */
  targetAt(place: WrittenPlace): Promise<Target | null>;
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

  function targetFor(destination: Destination): Target {
    const key = `${storeOf(destination)} ${targetKinds[storeOf(destination)].keyOf(destination)}`;
    const known = byKey.get(key);
    if (known) return known;
    const target = withRates(open(destination), settings.stores[storeOf(destination)].callsPerSecond);
    byKey.set(key, target);
    return target;
  }

  return {
    target: async (destination) => targetFor(destination),
    async targetAt({ destination: scope, roleArn, externalId }) {
      for (const kind of Object.values(targetKinds)) {
        const destination = kind.destinationAt({ scope, roleArn, externalId });
        if (destination) return targetFor(destination);
      }
      return null;
    },
    async close() {
      await Promise.allSettled([...byKey.values()].map((target) => target.close?.()));
      byKey.clear();
    },
  };
}

/** The target with what the settings say of its store's quotas in place of what is known of them. */
function withRates(target: Target, given: Settings['stores']['aws']['callsPerSecond']): Target {
  const { rates } = target;
  if (!rates) return target;
  const rateOf = (kind: CallKind): Rate => {
    const perSecond = given[kind];
    return perSecond === undefined ? rates[kind] : { perSecond, burst: Math.max(perSecond, rates[kind].burst) };
  };
  return { ...target, rates: { read: rateOf('read'), list: rateOf('list'), write: rateOf('write') } };
}
