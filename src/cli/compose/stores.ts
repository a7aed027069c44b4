import type { Settings } from '../../config/settings.ts';
import { type Destination, storeOf } from '../../crd/vault-secret-sync.ts';
import type { SyncError } from '../../errors.ts';
import type { KubernetesClient } from '../../kubernetes/contract.ts';
import type { Logger } from '../../logging.ts';
import type { WrittenPlace } from '../../sync/ports.ts';
import { type CallKind, type Rate, rateWithin, type Target, type TargetContext } from '../../sync-targets/contract.ts';
import { targetKinds } from '../../sync-targets/registry.ts';
import { readText } from '../read-settings.ts';
import { createIdentities } from './identities.ts';

/** Milliseconds after which a target by which nobody was asked for is closed, if it has an identity of its own. */
const idleMs = 60 * 60_000;

/** The targets of one process, each opened when a destination first needs it. */
export interface Stores {
  /** The target for a destination of a sync in `namespace`. @throws SyncError `FixSpec` */
  target(destination: Destination, namespace: string): Promise<Target>;
  /** The target behind a place that was written before; null when no kind of store knows it. @throws SyncError `FixSpec` */
  targetAt(place: WrittenPlace, namespace: string): Promise<Target | null>;
  close(): Promise<void>;
}

export interface StoresParts {
  readonly logger: Logger;
  /** Null where manifests come from files: there are no identities but the operator's own then. */
  readonly kubernetes: Pick<KubernetesClient, 'requestToken' | 'getSecret'> | null;
  /** Unix time in milliseconds; default: the clock. */
  readonly now?: () => number;
}

interface Opened {
  readonly target: Target;
  /** It writes as somebody of one namespace. */
  readonly isForOne: boolean;
  usedAt: number;
}

/**
 * Opens nothing yet; reads the certificate files that settings name. Destinations that name an identity share a target
 * only within their namespace, so that nobody writes as somebody else's.
 */
export async function composeStores(
  settings: Settings,
  { logger, kubernetes, now = Date.now }: StoresParts,
): Promise<Stores> {
  const { aws, azure, gcp } = settings.stores;
  const context = <T>(of: T): TargetContext<T> => ({
    settings: of,
    now,
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
  const identities = createIdentities({ kubernetes, now });
  const byKey = new Map<string, Opened>();
  const closing = new Set<Promise<unknown>>();
  let lookedAt = now();

  function open(destination: Destination, namespace: string): Target {
    const store = storeOf(destination);
    const auth = destination[store]?.auth;
    const who = auth ? { identity: identities.of(namespace, auth), namespace } : {};
    switch (store) {
      case 'aws':
        return targetKinds.aws.open(destination, { ...awsContext, ...who });
      case 'azure':
        return targetKinds.azure.open(destination, { ...azureContext, ...who });
      case 'gcp':
        return targetKinds.gcp.open(destination, { ...gcpContext, ...who });
      default: {
        const never: never = store;
        return never;
      }
    }
  }

  function targetFor(destination: Destination, namespace: string): Target {
    const store = storeOf(destination);
    const auth = destination[store]?.auth;
    const who = auth ? [namespace, Object.entries(auth).sort()] : [];
    const key = JSON.stringify([store, targetKinds[store].keyOf(destination), ...who]);
    const known = byKey.get(key);
    const opened = known ?? {
      target: withRates(
        open(destination, namespace),
        settings.stores[store].callsPerSecond,
        targetKinds[store].quotaSeconds,
      ),
      isForOne: auth !== undefined,
      usedAt: now(),
    };
    opened.usedAt = now();
    byKey.set(key, opened);
    closeIdle();
    return opened.target;
  }

  /** What nobody has asked for lately is of syncs that are gone, or is opened again when it is due. */
  function closeIdle(): void {
    if (now() - lookedAt < idleMs / 10) return;
    lookedAt = now();
    for (const [key, { target, isForOne, usedAt }] of byKey) {
      if (!isForOne || now() - usedAt < idleMs || target.hasDue?.()) continue;
      byKey.delete(key);
      const closed = Promise.resolve(target.close?.())
        .catch((error: unknown) => logger.warn({ err: error }, 'a store was not closed cleanly'))
        .finally(() => closing.delete(closed));
      closing.add(closed);
    }
  }

  return {
    target: async (destination, namespace) => targetFor(destination, namespace),
    async targetAt({ destination: scope, roleArn, externalId, auth }, namespace) {
      for (const kind of Object.values(targetKinds)) {
        const destination = kind.destinationAt({ scope, roleArn, externalId, auth, namespace });
        if (destination) return targetFor(destination, namespace);
      }
      return null;
    },
    async close() {
      await Promise.allSettled([...byKey.values()].map(({ target }) => target.close?.()));
      await Promise.allSettled(closing);
      byKey.clear();
    },
  };
}

/** The target with what the settings say of its store's quotas in place of what is known of them. */
function withRates(target: Target, given: Settings['stores']['aws']['callsPerSecond'], quotaSeconds: number): Target {
  const { rates } = target;
  if (!rates) return target;
  const rateOf = (kind: CallKind): Rate => {
    const perSecond = given[kind];
    return perSecond === undefined ? rates[kind] : rateWithin(perSecond, quotaSeconds);
  };
  return { ...target, rates: { read: rateOf('read'), list: rateOf('list'), write: rateOf('write') } };
}
