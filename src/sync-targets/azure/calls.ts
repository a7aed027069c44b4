import type { DeletedSecret, SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import { type Desired, PremiseChanged } from '../contract.ts';
import type { Attributes } from './attributes.ts';
import { type Connection, onlyOnce } from './connection.ts';
import { type Attempt, failureOf, innerCodeOf, statusOf } from './failures.ts';
import { contentTypeOf, tagsOf } from './limits.ts';
import { isSameName } from './names.ts';

/** The calls of one vault, each made once; whatever goes wrong comes out with its remedy, and an abort ends the wait. */
export interface Calls {
  /** Every version; none = no such secret. */
  versionsOf(name: string, signal: AbortSignal): Promise<SecretProperties[]>;
  /** What the listing of the vault shows, page by page. */
  everySecret(signal: AbortSignal): AsyncGenerator<SecretProperties>;
  /** A secret that is deleted and can be recovered; null = there is none. */
  deletedSecret(name: string, signal: AbortSignal): Promise<DeletedSecret | null>;
  /** Makes a new version, with just these attributes; its id. @throws PremiseChanged when a deleted secret has the name */
  set(desired: Desired, attributes: Attributes, signal: AbortSignal): Promise<string>;
  /** Changes what a version says of itself. @throws PremiseChanged when there is no such version */
  update(desired: Desired, change: Change, signal: AbortSignal): Promise<void>;
  /** Deletes it so that it can be recovered; one that is gone or going is no failure. */
  delete(name: string, signal: AbortSignal): Promise<void>;
  /** Brings a deleted secret back. @throws PremiseChanged when there is none */
  recover(name: string, signal: AbortSignal): Promise<void>;
  /** Deletes for good what is deleted; false = the vault has no such deleted secret (yet). */
  purge(name: string, signal: AbortSignal): Promise<boolean>;
}

/** What is changed of a version. Azure takes nothing away: a time that is not here stays. */
export interface Change extends Attributes {
  readonly versionId: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function createCalls(host: string, connection: Pick<Connection, 'client' | 'who'>): Calls {
  /** Until the vault says otherwise. The right to get a deleted secret is also the right to read values. */
  let mayGet = true;

  const attemptAt = (name: string, permission: Attempt['permission'], doing: string): Attempt => {
    return { doing, permission, place: name === '' ? host : `${host}/${name}`, who: connection.who };
  };

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

  async function deletedInList(name: string, signal: AbortSignal): Promise<DeletedSecret | null> {
    const attempt = attemptAt('', 'list', 'listing the deleted secrets of');
    const all = list(attempt, signal, (client) => client.listDeletedSecrets({ abortSignal: signal }));
    for await (const deleted of all) if (isSameName(deleted.name, name)) return deleted;
    return null;
  }

  return {
    async versionsOf(name, signal) {
      const attempt = attemptAt(name, 'list', 'listing the versions of');
      const options = { abortSignal: signal };
      const versions = list(attempt, signal, (client) => client.listPropertiesOfSecretVersions(name, options));
      return (await unlessMissing(Array.fromAsync(versions))) ?? [];
    },

    everySecret(signal) {
      const attempt = attemptAt('', 'list', 'listing the secrets of');
      return list(attempt, signal, (client) => client.listPropertiesOfSecrets({ abortSignal: signal }));
    },

    async deletedSecret(name, signal) {
      if (!mayGet) return deletedInList(name, signal);
      const attempt = attemptAt(name, 'get', 'looking for the deleted secret');
      try {
        const asked = ask(attempt, signal, (client) => client.getDeletedSecret(name, { abortSignal: signal }));
        return await unlessMissing(asked);
      } catch (error) {
        // Nobody has to give us the right to read values; the list of all deleted secrets does not need it.
        if (statusOf(error) !== 403) throw error;
        mayGet = !['ForbiddenByRbac', 'AccessDenied'].includes(innerCodeOf(error) ?? '');
        return deletedInList(name, signal);
      }
    },

    async set(desired, attributes, signal) {
      const { name, value } = desired;
      const attempt = attemptAt(name, 'set', 'setting the secret');
      const options = { tags: tagsOf(desired), contentType: contentTypeOf(desired), ...optionsOf(attributes) };
      try {
        const { properties } = await ask(attempt, signal, (client) =>
          client.setSecret(name, value, { ...options, abortSignal: signal }),
        );
        return properties.version ?? '';
      } catch (error) {
        if (innerCodeOf(error) !== 'ObjectIsDeletedButRecoverable') throw error;
        throw new PremiseChanged(`${host}/${name} was deleted, and the vault still holds its name`);
      }
    },

    async update(desired, { versionId, tags, ...attributes }, signal) {
      const { name } = desired;
      const attempt = attemptAt(name, 'set', 'changing the metadata of');
      const options = { tags: { ...tags }, contentType: contentTypeOf(desired), ...optionsOf(attributes) };
      const updated = await unlessMissing(
        ask(attempt, signal, (client) =>
          client.updateSecretProperties(name, versionId, { ...options, abortSignal: signal }),
        ),
      );
      if (updated === null) throw new PremiseChanged(`${host}/${name} is not there any more`);
    },

    async delete(name, signal) {
      const attempt = attemptAt(name, 'delete', 'deleting the secret');
      const options = { ...onlyOnce, abortSignal: signal };
      try {
        await unlessMissing(ask(attempt, signal, (client) => client.beginDeleteSecret(name, options)));
      } catch (error) {
        if (innerCodeOf(error) !== 'ObjectIsBeingDeleted') throw error;
      }
    },

    async recover(name, signal) {
      const attempt = attemptAt(name, 'recover', 'recovering the deleted secret');
      const options = { abortSignal: signal };
      const asked = ask(attempt, signal, (client) => client.beginRecoverDeletedSecret(name, options));
      const recovered = await unlessMissing(asked);
      if (!recovered) throw new PremiseChanged(`${host}/${name} is not among the deleted secrets any more`);
    },

    async purge(name, signal) {
      const attempt = attemptAt(name, 'purge', 'purging the deleted secret');
      const asked = ask(attempt, signal, (client) => client.purgeDeletedSecret(name, { abortSignal: signal }));
      return (await unlessMissing(asked.then(() => true))) ?? false;
    },
  };
}

/** Null when the vault said that there is no such thing. */
async function unlessMissing<Result>(asked: Promise<Result>): Promise<Result | null> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

function optionsOf({ enabled, notBefore, expires }: Attributes) {
  return {
    enabled,
    ...(notBefore === null ? {} : { notBefore: new Date(notBefore) }),
    ...(expires === null ? {} : { expiresOn: new Date(expires) }),
  };
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
