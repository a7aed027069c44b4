import { SyncError } from '../../errors.ts';
import { PremiseChanged } from '../contract.ts';
import type { Call, Connection, WireSecret, WireVersion } from './connection.ts';
import { crc32c } from './crc32c.ts';
import { type Code, failureOf } from './failures.ts';
import { lastSegment } from './names.ts';
import type { Pace } from './pace.ts';

/** GCP: ListSecrets gives up to 25,000 secrets a page; this many come soon enough. */
const pageSize = 500;

/** Versions of a secret that one call lists; Google gives the newest first. */
const versionPageSize = 500;

/** What is to be changed of a secret that has this etag. */
export interface SecretChange {
  readonly etag: string;
  /** Paths for `update_mask`. */
  readonly paths: readonly string[];
  readonly members: Partial<WireSecret>;
}

/** The calls that this target makes, for the secrets of one place; none of them reads a value. */
export interface Calls {
  /** `null` only when Google says of this very secret that it is not there. */
  getSecret(id: string, signal: AbortSignal): Promise<WireSecret | null>;
  /** The newest version without its payload; `null` = none. */
  getNewestVersion(id: string, signal: AbortSignal): Promise<WireVersion | null>;
  /** Whether there is a version of this number, in whatever state; that is known at once, unlike which is the newest. */
  hasVersion(id: string, number: number, signal: AbortSignal): Promise<boolean>;
  /** The secrets that match a filter, page by page. */
  listSecrets(filter: string, signal: AbortSignal): AsyncIterable<WireSecret>;
  /** @throws PremiseChanged when there is one already */
  createSecret(id: string, members: Partial<WireSecret>, signal: AbortSignal): Promise<WireSecret>;
  /** The secret as it is then. @throws PremiseChanged when the secret is gone or has another etag by now */
  updateSecret(id: string, change: SecretChange, signal: AbortSignal): Promise<WireSecret>;
  /** Adds a version; its number. @throws PremiseChanged when the secret is gone */
  addVersion(id: string, value: string, signal: AbortSignal): Promise<string>;
  /** Ends well when the secret is gone already. @throws PremiseChanged when it has another etag by now */
  deleteSecret(id: string, etag: string, signal: AbortSignal): Promise<void>;
  /** The newest first, without their payloads, down to where all are destroyed. */
  listVersions(id: string, signal: AbortSignal): Promise<WireVersion[]>;
  /** @throws PremiseChanged when the version is gone, destroyed or changed by now */
  destroyVersion(id: string, version: WireVersion, signal: AbortSignal): Promise<void>;
}

/** The IAM permission that each method needs. */
const permissions: Readonly<Record<Call['method'], string>> = {
  getSecret: 'secretmanager.secrets.get',
  getSecretVersion: 'secretmanager.versions.get',
  listSecrets: 'secretmanager.secrets.list',
  createSecret: 'secretmanager.secrets.create',
  updateSecret: 'secretmanager.secrets.update',
  deleteSecret: 'secretmanager.secrets.delete',
  addSecretVersion: 'secretmanager.versions.add',
  listSecretVersions: 'secretmanager.versions.list',
  destroySecretVersion: 'secretmanager.versions.destroy',
};

/** `parent` is what the names of the secrets begin with, e.g. `projects/team-a`. */
export function createCalls(connection: Connection, parent: string, pace: Pace): Calls {
  const nameOf = (id: string): string => `${parent}/secrets/${id}`;

  async function ask<Answer extends readonly unknown[]>(call: Call, signal: AbortSignal): Promise<Answer> {
    try {
      return (await connection.call(call, signal)) as unknown as Answer;
    } catch (error) {
      if (error instanceof SyncError) throw error;
      throw failureOf(
        { method: pascalCase(call.method), resource: call.routing[1], permission: permissions[call.method] },
        error,
      );
    }
  }

  async function getVersion(name: string, signal: AbortSignal): Promise<WireVersion | null> {
    try {
      const [version] = await ask<[WireVersion]>(
        { method: 'getSecretVersion', request: { name }, routing: ['name', name] },
        signal,
      );
      return version;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return null;
      throw error;
    }
  }

  return {
    async getSecret(id, signal) {
      const name = nameOf(id);
      try {
        const [secret] = await ask<[WireSecret]>(
          { method: 'getSecret', request: { name }, routing: ['name', name] },
          signal,
        );
        return secret;
      } catch (error) {
        if (saysSecretIsAbsent(error)) return null;
        throw error;
      }
    },

    getNewestVersion: (id, signal) => getVersion(`${nameOf(id)}/versions/latest`, signal),

    hasVersion: async (id, number, signal) => (await getVersion(`${nameOf(id)}/versions/${number}`, signal)) !== null,

    async *listSecrets(filter, signal) {
      let pageToken = '';
      do {
        const request = { parent, filter, pageSize, pageToken };
        const [secrets, next] = await ask<[WireSecret[], { pageToken?: string } | null]>(
          { method: 'listSecrets', request, routing: ['parent', parent] },
          signal,
        );
        yield* secrets;
        pageToken = next?.pageToken ?? '';
      } while (pageToken !== '');
    },

    async createSecret(id, members, signal) {
      const request = { parent, secretId: id, secret: members };
      try {
        const [secret] = await ask<[WireSecret]>(
          { method: 'createSecret', request, routing: ['parent', parent] },
          signal,
        );
        return secret;
      } catch (error) {
        if (hasCode(error, 'ALREADY_EXISTS')) throw new PremiseChanged(`${nameOf(id)} exists by now`);
        throw error;
      }
    },

    async updateSecret(id, { etag, paths, members }, signal) {
      const name = nameOf(id);
      const request = { secret: { ...members, name, etag }, updateMask: { paths: [...new Set(paths)] } };
      try {
        const call = { method: 'updateSecret', request, routing: ['secret.name', name] } as const;
        const [secret] = await pace.keep(id, signal, () => ask<[WireSecret]>(call, signal));
        return secret;
      } catch (error) {
        throw asPremise(error, name);
      }
    },

    async addVersion(id, value, signal) {
      const name = nameOf(id);
      const data = Buffer.from(value);
      const request = { parent: name, payload: { data, dataCrc32c: crc32c(data) } };
      try {
        const call = { method: 'addSecretVersion', request, routing: ['parent', name] } as const;
        const [version] = await pace.keep(id, signal, () => ask<[WireVersion]>(call, signal));
        if (!version.clientSpecifiedPayloadChecksum) throw checksumIgnored(name);
        return lastSegment(version.name);
      } catch (error) {
        if (saysSecretIsAbsent(error)) throw new PremiseChanged(`${name} is gone by now`);
        throw error;
      }
    },

    async deleteSecret(id, etag, signal) {
      const name = nameOf(id);
      try {
        await ask({ method: 'deleteSecret', request: { name, etag }, routing: ['name', name] }, signal);
      } catch (error) {
        if (!saysSecretIsAbsent(error)) throw asPremise(error, name);
      }
    },

    async listVersions(id, signal) {
      const name = nameOf(id);
      const found: WireVersion[] = [];
      let pageToken = '';
      do {
        const request = { parent: name, pageSize: versionPageSize, pageToken };
        const [versions, next] = await ask<[WireVersion[], { pageToken?: string } | null]>(
          { method: 'listSecretVersions', request, routing: ['parent', name] },
          signal,
        );
        found.push(...versions);
        const isOver = versions.every(({ state }) => state === 'DESTROYED');
        pageToken = isOver ? '' : (next?.pageToken ?? '');
      } while (pageToken !== '');
      return found;
    },

    async destroyVersion(id, { name: answered, etag }, signal) {
      // An answer names the project by its number, whatever we called it.
      const name = `${nameOf(id)}/versions/${lastSegment(answered)}`;
      try {
        await ask({ method: 'destroySecretVersion', request: { name, etag }, routing: ['name', name] }, signal);
      } catch (error) {
        if (hasCode(error, 'NOT_FOUND')) throw new PremiseChanged(`${name} is gone by now`);
        throw asPremise(error, name);
      }
    },
  };
}

/** The version is there, but nobody has compared what arrived with what was sent. */
function checksumIgnored(name: string): SyncError {
  const message = `GCP Secret Manager: a version of ${name} was added, but the checksum of its value did not arrive; check what stands between the operator and Google`;
  return new SyncError({ remedy: 'SlowRetry', reason: 'ChecksumIgnored', message });
}

function pascalCase(method: string): string {
  return method.charAt(0).toUpperCase() + method.slice(1);
}

function hasCode(error: unknown, code: Code): boolean {
  return error instanceof SyncError && error.code === code;
}

function saysSecretIsAbsent(error: unknown): boolean {
  return error instanceof SyncError && error.reason === 'SecretNotFound';
}

// GCP: an etag that is not the current one is FAILED_PRECONDITION, as are a key that cannot be used and a forbidden place.
function asPremise(error: unknown, name: string): unknown {
  if (saysSecretIsAbsent(error)) return new PremiseChanged(`${name} is gone by now`);
  if (error instanceof SyncError && error.reason === 'PreconditionFailed')
    return new PremiseChanged(`${name} was changed by somebody else meanwhile`);
  return error;
}
