import { setTimeout as pause } from 'node:timers/promises';
import type { DeletedSecret, SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import type { AzureDestination } from '../../crd/destinations/azure.ts';
import { SyncError } from '../../errors.ts';
import {
  type Desired,
  markNames,
  type Observed,
  PremiseChanged,
  type Target,
  type TargetContext,
  type Written,
} from '../contract.ts';
import { createConnection } from './connection.ts';
import { type Attempt, failureOf, innerCodeOf, StoreRefusal, statusOf } from './failures.ts';
import { contentTypeOf, refuseImpossible, tagsOf } from './limits.ts';
import { secretNameOf, vaultHostOf } from './names.ts';
import { differencesOf, looksLike, newestOf, observedDeleted, observedInList, observedOf } from './observed.ts';
import type { AzureSettings } from './settings.ts';

/** Longest wait within one write for a deletion or a recovery under way, in milliseconds. */
const defaultPatienceMs = 5_000;

/** First and longest pause between two tries while the vault is busy with a name, in milliseconds. */
const pauses = { first: 100, longest: 1_000 };

/**
 * One vault. What it holds is seen through the metadata of versions; a value is written and never read.
 * @throws SyncError `FixSpec` when the vault may not be written to
 */
export function openVault(destination: AzureDestination, context: TargetContext<AzureSettings>): Target {
  const { settings } = context;
  const host = vaultHostOf(destination, settings);
  const connection = createConnection({ host, settings, now: () => context.now() });

  const attemptAt = (name: string, attempt: Pick<Attempt, 'doing' | 'permission'>): Attempt => {
    return { ...attempt, place: name === '' ? host : `${host}/${name}` };
  };

  /** Makes one call; whatever goes wrong comes out with its remedy, and an abort ends the wait. */
  async function ask<Result>(
    attempt: Attempt,
    signal: AbortSignal,
    call: (client: SecretClient) => Promise<Result>,
  ): Promise<Result> {
    try {
      signal.throwIfAborted();
      return await untilAborted(connection.client().then(call), signal);
    } catch (error) {
      throw failureOf(attempt, error, signal);
    }
  }

  /** Reads a list page by page. */
  async function* list<Item>(
    attempt: Attempt,
    signal: AbortSignal,
    open: (client: SecretClient) => { byPage(): AsyncIterableIterator<Item[]> },
  ): AsyncGenerator<Item> {
    const pages = await ask(attempt, signal, async (client) => open(client).byPage());
    for (;;) {
      const page = await ask(attempt, signal, () => pages.next());
      if (page.done === true) return;
      yield* page.value;
    }
  }

  async function versionsOf(name: string, signal: AbortSignal): Promise<SecretProperties[]> {
    const attempt = attemptAt(name, { doing: 'listing the versions of', permission: 'list' });
    try {
      return await Array.fromAsync(
        list(attempt, signal, (client) => client.listPropertiesOfSecretVersions(name, { abortSignal: signal })),
      );
    } catch (error) {
      if (statusOf(error) === 404) return [];
      throw error;
    }
  }

  function everySecret(signal: AbortSignal): AsyncGenerator<SecretProperties> {
    const attempt = attemptAt('', { doing: 'listing the secrets of', permission: 'list' });
    return list(attempt, signal, (client) => client.listPropertiesOfSecrets({ abortSignal: signal }));
  }

  async function deletedSecret(name: string, signal: AbortSignal): Promise<DeletedSecret | null> {
    const attempt = attemptAt(name, { doing: 'looking for the deleted secret', permission: 'get' });
    try {
      return await ask(attempt, signal, (client) => client.getDeletedSecret(name, { abortSignal: signal }));
    } catch (error) {
      if (statusOf(error) === 404) return null;
      // It needs the right to read values, which nobody has to give us; the list of all deleted ones does not.
      if (statusOf(error) === 403) return deletedInList(name, signal);
      throw error;
    }
  }

  async function deletedInList(name: string, signal: AbortSignal): Promise<DeletedSecret | null> {
    const attempt = attemptAt('', { doing: 'listing the deleted secrets of', permission: 'list' });
    const all = list(attempt, signal, (client) => client.listDeletedSecrets({ abortSignal: signal }));
    for await (const deleted of all) if (isSameName(deleted.name, name)) return deleted;
    return null;
  }

  /** The current version, which the listing shows where several were made in one second. */
  async function currentOf(name: string, versions: SecretProperties[], signal: AbortSignal): Promise<SecretProperties> {
    const newest = newestOf(versions);
    const [only, ...others] = newest;
    if (only && others.length === 0) return only;
    for await (const entry of everySecret(signal)) {
      if (!isSameName(entry.name, name)) continue;
      const [match, ...alike] = newest.filter((version) => looksLike(version, entry));
      return match && alike.length === 0 ? match : entry;
    }
    const message = `Azure Key Vault: ${host}/${name} changed while it was looked at; it is tried again`;
    throw new SyncError({ remedy: 'Retry', reason: 'Busy', message });
  }

  async function recover(name: string, signal: AbortSignal): Promise<void> {
    const attempt = attemptAt(name, { doing: 'recovering the deleted secret', permission: 'recover' });
    try {
      await ask(attempt, signal, (client) => client.beginRecoverDeletedSecret(name, { abortSignal: signal }));
    } catch (error) {
      if (statusOf(error) === 404)
        throw new PremiseChanged(`${host}/${name} is not among the deleted secrets any more`);
      throw error;
    }
  }

  async function set(desired: Desired, signal: AbortSignal): Promise<Written> {
    const attempt = attemptAt(desired.name, { doing: 'setting the secret', permission: 'set' });
    const options = { tags: tagsOf(desired), contentType: contentTypeOf(desired.value), abortSignal: signal };
    try {
      const { properties } = await ask(attempt, signal, (client) =>
        client.setSecret(desired.name, desired.value, options),
      );
      return { versionId: properties.version ?? '', at: context.now() };
    } catch (error) {
      if (innerCodeOf(error) !== 'ObjectIsDeletedButRecoverable') throw error;
      throw new PremiseChanged(`${host}/${desired.name} was deleted, and the vault still holds its name`);
    }
  }

  /** Tries again while the vault is busy deleting or recovering the name, within our patience. */
  async function onceSettled<Result>(signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + (settings.recoveryPatienceMs ?? defaultPatienceMs);
    for (let wait = pauses.first; ; wait = Math.min(2 * wait, pauses.longest)) {
      try {
        return await act();
      } catch (error) {
        if (!isBusy(error) || performance.now() + wait > deadline) throw error;
      }
      // An abort ends the pause at once, and the next try says so.
      await pause(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    scope: `azure:${host}`,
    nameOf: secretNameOf,
    identityOf: (name) => name.toLowerCase(),
    preflight: refuseImpossible,
    compare: differencesOf,

    async describe(name, signal) {
      const versions = await versionsOf(name, signal);
      if (versions.length > 0) return observedOf(await currentOf(name, versions, signal), versions);
      const deleted = await deletedSecret(name, signal);
      return deleted && observedDeleted(deleted);
    },

    async *list(owner, signal) {
      for await (const entry of everySecret(signal)) {
        if (entry.tags?.[markNames.owner] === owner) yield observedInList(entry);
      }
    },

    async write(desired, premise, signal) {
      const observed = premise.kind === 'observed' ? premise.observed : null;
      if (observed) refuseManaged(host, observed);
      if (observed?.existence === 'pendingDeletion') await onceSettled(signal, () => recover(observed.name, signal));
      return onceSettled(signal, () => set(desired, signal));
    },

    async remove(observed, signal) {
      refuseManaged(host, observed);
      if (observed.existence === 'pendingDeletion') return;
      const attempt = attemptAt(observed.name, { doing: 'deleting the secret', permission: 'delete' });
      try {
        await ask(attempt, signal, (client) => client.beginDeleteSecret(observed.name, { abortSignal: signal }));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    close: () => connection.close(),
  };
}

/** @throws SyncError `Conflict` for the secret of a certificate */
function refuseManaged(host: string, { name, managedBy }: Observed): void {
  if (managedBy === null) return;
  const message = `Azure Key Vault: ${host}/${name} belongs to ${managedBy}: choose another name`;
  throw new SyncError({ remedy: 'Conflict', reason: 'Managed', message, owner: managedBy });
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function isBusy(error: unknown): boolean {
  const code = innerCodeOf(error);
  return code === 'ObjectIsBeingDeleted' || code === 'ObjectIsBeingRecovered';
}

/** Whether a deletion that failed is none: the secret was gone, or only the SDK's look at what it had deleted failed. */
function isGone(error: unknown): boolean {
  const refusal = error instanceof SyncError ? error.cause : error;
  const lookedAfter = refusal instanceof StoreRefusal && refusal.method === 'GET';
  return lookedAfter || statusOf(error) === 404 || innerCodeOf(error) === 'ObjectIsBeingDeleted';
}

/** Waits for a call, but not longer than the signal: what the SDK cannot interrupt goes on unseen. */
async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
