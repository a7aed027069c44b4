import type { SecretProperties } from '@azure/keyvault-secrets';
import type { AzureDestination } from '../../crd/destinations/azure.ts';
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
import { attributesAt } from './attributes.ts';
import { createCalls } from './calls.ts';
import { createConnection } from './connection.ts';
import { purgeProtectedError } from './failures.ts';
import { timesLeftOver } from './given.ts';
import { refuseImpossible, settingsOf, tagsBeside } from './limits.ts';
import { isSameName, originalOf, secretNameOf, vaultHostOf } from './names.ts';
import {
  detailsOf,
  differencesOf,
  looksLike,
  newestOf,
  observedDeleted,
  observedInList,
  observedOf,
} from './observed.ts';
import { rates } from './rates.ts';
import type { AzureSettings } from './settings.ts';
import { onceSettled, stillDeleting } from './settled.ts';

/** Longest wait within one write for a deletion or a recovery under way, in milliseconds. */
const defaultPatienceMs = 5_000;

/**
 * One vault. What it holds is seen through the metadata of versions; a value is written and never read.
 * @throws SyncError `FixSpec` when the vault may not be written to
 */
export function openVault(destination: AzureDestination, context: TargetContext<AzureSettings>): Target {
  const { settings, identity } = context;
  const host = vaultHostOf(destination, settings);
  const connection = createConnection({ host, settings, auth: destination.auth, identity, now: () => context.now() });
  const calls = createCalls(host, connection);

  const settled = <Result>(signal: AbortSignal, act: () => Promise<Result>): Promise<Result> => {
    return onceSettled(act, { patienceMs: settings.recoveryPatienceMs ?? defaultPatienceMs, signal });
  };

  async function describe(name: string, signal: AbortSignal): Promise<Observed | null> {
    const versions = await calls.versionsOf(name, signal);
    if (versions.length > 0) return observedOf(await currentOf(name, versions, signal), versions);
    const deleted = await calls.deletedSecret(name, signal);
    return deleted && observedDeleted(deleted);
  }

  /** The current version, which the listing shows where several were made in one second. */
  async function currentOf(name: string, versions: SecretProperties[], signal: AbortSignal): Promise<SecretProperties> {
    const newest = newestOf(versions);
    const [only, ...others] = newest;
    if (only && others.length === 0) return only;
    for await (const entry of calls.everySecret(signal)) {
      if (!isSameName(entry.name, name)) continue;
      const [match, ...alike] = newest.filter((version) => looksLike(version, entry));
      return match && alike.length === 0 ? match : entry;
    }
    const message = `Azure Key Vault: ${host}/${name} changed while it was looked at; it is tried again`;
    throw new SyncError({ remedy: 'Retry', reason: 'Busy', message });
  }

  async function set(desired: Desired, signal: AbortSignal): Promise<Written> {
    const attributes = attributesAt(settingsOf(desired), context.now());
    const versionId = await settled(signal, () => calls.set(desired, attributes, signal));
    return { versionId, at: context.now() };
  }

  /** Puts right what a copy with the right value says of itself: in its current version, unless that cannot be. */
  async function update(desired: Desired, observed: Observed, signal: AbortSignal): Promise<Written> {
    const { name, versionId } = observed;
    if (timesLeftOver(settingsOf(desired), detailsOf(observed)).length > 0) return set(desired, signal);
    // Whether that version is the one that we wrote, only a look at it tells.
    if (versionId === null) throw new PremiseChanged(`a listing does not show which version of ${host}/${name} it is`);
    const { createdAt, tags } = detailsOf(observed);
    const attributes = attributesAt(settingsOf(desired), createdAt);
    await calls.update(desired, { versionId, tags: tagsBeside(desired, tags), ...attributes }, signal);
    return { versionId, at: context.now() };
  }

  async function write(desired: Desired, premise: Premise, signal: AbortSignal): Promise<Written> {
    if (premise.kind !== 'observed') return set(desired, signal);
    const { observed, differences } = premise;
    refuseManaged(host, observed);
    if (observed.existence === 'pendingDeletion') {
      await settled(signal, () => calls.recover(observed.name, signal));
    } else if (differences && !differences.includes('value')) {
      return update(desired, observed, signal);
    }
    return set(desired, signal);
  }

  async function remove(observed: Observed, signal: AbortSignal, from?: Destination): Promise<void> {
    refuseManaged(host, observed);
    const { name } = observed;
    const isLive = observed.existence === 'live';
    if (isLive) await calls.delete(name, signal);
    if (from?.azure?.deletion !== 'Purge') return;
    if (detailsOf(observed).purgeable === false) throw purgeProtectedError(`${host}/${name}`);
    await settled(signal, async () => {
      // Without it there, the deletion that we began is not complete; one that somebody else completed is.
      if (!(await calls.purge(name, signal)) && isLive) throw stillDeleting(`${host}/${name}`);
    });
  }

  return {
    scope: `azure:${host}`,
    nameOf: secretNameOf,
    originalOf,
    identityOf: (name) => name.toLowerCase(),
    preflight: refuseImpossible,
    compare: differencesOf,
    rates,
    describe,
    write,
    remove,

    async *list(owner, signal) {
      for await (const entry of calls.everySecret(signal)) {
        if (entry.tags?.[markNames.owner] === owner) yield observedInList(entry);
      }
    },

    hasMoreToRemove: (observed, { azure }) =>
      azure?.deletion === 'Purge' &&
      observed.existence === 'pendingDeletion' &&
      observed.managedBy === null &&
      detailsOf(observed).purgeable !== false,

    close: () => connection.close(),
  };
}

/** @throws SyncError `Conflict` for the secret of a certificate */
function refuseManaged(host: string, { name, managedBy }: Observed): void {
  if (managedBy === null) return;
  const message = `Azure Key Vault: ${host}/${name} belongs to ${managedBy}: choose another name`;
  throw new SyncError({ remedy: 'Conflict', reason: 'Managed', message, owner: managedBy });
}
