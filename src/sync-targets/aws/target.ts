import type { Destination } from '../../crd/vault-secret-sync.ts';
import { SyncError } from '../../errors.ts';
import {
  type Desired,
  markNames,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type TargetContext,
  type Written,
} from '../contract.ts';
import { callsOver } from './calls.ts';
import { createConnection } from './connection.ts';
import { identityOf } from './credentials.ts';
import { nameOf, originalOf } from './names.ts';
import { compare, detailsOf, needsLook, observe } from './observed.ts';
import { describePlace, mayBeAt, placeOf, scopeOf, settingsOf } from './place.ts';
import { rates } from './rates.ts';
import { regionsOf } from './replicas.ts';
import { preflight } from './rules.ts';
import type { AwsSettings } from './settings.ts';
import { createVersionQuota } from './version-quota.ts';
import { writeOn } from './writing.ts';

/**
 * AWS Secrets Manager. Each write gets a version id that follows from what is written and from what it replaces, so a
 * write that is repeated changes nothing, and one look at the ids tells whether the copy is what it must be.
 */
export function openTarget(destination: Destination, context: TargetContext<AwsSettings>): Target {
  const { settings, now, namespace } = context;
  const { auth } = settingsOf(destination);
  const place = placeOf(destination, { region: settings.region, namespace });
  const { region } = place;
  const identity = auth ? identityOf(auth, context.identity) : ({ kind: 'operator' } as const);
  const connection = createConnection(place, { settings, identity });
  const quota = createVersionQuota({ now, perDay: settings.versionsPerDay });

  async function describe(name: string, signal: AbortSignal, asked?: Destination): Promise<Observed | null> {
    const calls = callsOver(connection, signal);
    try {
      const description = await calls.describe(name);
      const shown = { ...description, stages: description.VersionIdsToStages };
      const options = { name, region, replicas: description.ReplicationStatus ?? [] };
      const observed = observe(shown, options);
      const isOpen = observed.existence === 'live' && observed.managedBy === null;
      if (asked?.aws?.resourcePolicy === undefined || !isOpen) return observed;
      return observe(shown, { ...options, resourcePolicy: await calls.getPolicy(name) });
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async function* list(owner: string, signal: AbortSignal): AsyncGenerator<Observed> {
    const calls = callsOver(connection, signal);
    const filters = filtersFor(owner);
    let nextToken: string | undefined;
    do {
      const page = await calls.listPage({ subject: `of owner ${owner}`, filters, nextToken });
      for (const entry of page.SecretList ?? []) {
        if (entry.Name === undefined) continue;
        const observed = observe({ ...entry, stages: entry.SecretVersionsToStages }, { name: entry.Name, region });
        // The filters match prefixes, and the key of one tag with the value of another.
        if (observed.owner === owner) yield observed;
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined);
  }

  async function write(desired: Desired, premise: Premise, signal: AbortSignal): Promise<Written> {
    const { name } = desired;
    const writing = {
      calls: callsOver(connection, signal),
      desired,
      region,
      label: `${name} in ${describePlace(place)}`,
      quota,
      now,
      look: () => describe(name, signal, desired.destination),
    };
    try {
      return await writeOn(writing, premise);
    } catch (error) {
      throw contradictsPremise(error) ? new PremiseChanged(error.message, { cause: error }) : error;
    }
  }

  /** Recoverable for 30 days, AWS's default, unless the manifest says otherwise. Replicas go first, at once and for good. */
  async function remove(observed: Observed, signal: AbortSignal, asked?: Destination): Promise<void> {
    const { name } = observed;
    const calls = callsOver(connection, signal);
    const { recoveryWindowDays, forceDelete = false } = asked ? settingsOf(asked) : {};
    // A listing does not show replicas.
    const looked = detailsOf(observed).replicas === null ? await describe(name, signal) : observed;
    if (looked === null) return;
    try {
      const replicas = regionsOf(detailsOf(looked).replicas ?? []);
      if (replicas.length > 0) await calls.removeReplicas(name, replicas);
      await calls.delete({
        SecretId: name,
        ...(forceDelete ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: recoveryWindowDays }),
      });
    } catch (error) {
      if (!isNotFound(error) && !isPendingDeletion(error)) throw error;
    }
  }

  return {
    scope: scopeOf(place),
    mayBeAt: (scope) => mayBeAt(place, scope),
    nameOf,
    originalOf,
    identityOf: (name) => name,
    preflight: (desired) => preflight(desired, region),
    describe,
    list,
    needsLook,
    compare,
    write,
    remove,
    rates,
    close: () => connection.close(),
  };
}

function filtersFor(owner: string) {
  return [
    { Key: 'tag-key' as const, Values: [markNames.owner] },
    { Key: 'tag-value' as const, Values: [owner] },
  ];
}

function isNotFound(error: unknown): boolean {
  return error instanceof SyncError && error.code === 'ResourceNotFoundException';
}

function isPendingDeletion(error: unknown): boolean {
  return error instanceof SyncError && error.remedy === 'PendingDeletion';
}

/** The secret is gone, is there, or is scheduled for deletion, and the caller believed otherwise. */
function contradictsPremise(error: unknown): error is SyncError {
  if (!(error instanceof SyncError) || error.remedy === 'FixSpec') return false;
  return isNotFound(error) || isPendingDeletion(error) || error.code === 'ResourceExistsException';
}
