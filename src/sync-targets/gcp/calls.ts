import { SyncError } from '../../errors.ts';
import { PremiseChanged } from '../contract.ts';
import type { Call, Connection, WireSecret, WireVersion } from './connection.ts';
import { crc32c } from './crc32c.ts';
import { type Code, failureOf } from './failures.ts';
import { lastSegment } from './names.ts';

/** GCP: ListSecrets gives up to 25,000 secrets a page; this many come soon enough. */
const pageSize = 500;

export interface Metadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The calls that this target makes, for the secrets of one project; none of them reads a value. */
export interface Calls {
  /** `null` only when Google says of this very secret that it is not there. */
  getSecret(id: string, signal: AbortSignal): Promise<WireSecret | null>;
  /** The newest version without its payload; `null` = none. */
  getNewestVersion(id: string, signal: AbortSignal): Promise<WireVersion | null>;
  /** The secrets that match a filter, page by page. */
  listSecrets(filter: string, signal: AbortSignal): AsyncIterable<WireSecret>;
  /** @throws PremiseChanged when there is one already */
  createSecret(id: string, metadata: Metadata, signal: AbortSignal): Promise<void>;
  /** Replaces all labels and annotations. @throws PremiseChanged when the secret is gone or has another etag by now */
  updateSecret(id: string, change: Metadata & { readonly etag: string }, signal: AbortSignal): Promise<void>;
  /** Adds a version; its number. @throws PremiseChanged when the secret is gone */
  addVersion(id: string, value: string, signal: AbortSignal): Promise<string>;
  /** Ends well when the secret is gone already. @throws PremiseChanged when it has another etag by now */
  deleteSecret(id: string, etag: string, signal: AbortSignal): Promise<void>;
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
};

export function createCalls(connection: Connection, project: string): Calls {
  const parent = `projects/${project}`;
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

    async getNewestVersion(id, signal) {
      const name = `${nameOf(id)}/versions/latest`;
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
    },

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

    async createSecret(id, metadata, signal) {
      const request = { parent, secretId: id, secret: { ...metadata, replication: { automatic: {} } } };
      try {
        await ask({ method: 'createSecret', request, routing: ['parent', parent] }, signal);
      } catch (error) {
        if (hasCode(error, 'ALREADY_EXISTS')) throw new PremiseChanged(`${nameOf(id)} exists by now`);
        throw error;
      }
    },

    async updateSecret(id, change, signal) {
      const name = nameOf(id);
      const request = { secret: { ...change, name }, updateMask: { paths: ['labels', 'annotations'] } };
      try {
        await ask({ method: 'updateSecret', request, routing: ['secret.name', name] }, signal);
      } catch (error) {
        throw asPremise(error, name);
      }
    },

    async addVersion(id, value, signal) {
      const name = nameOf(id);
      const data = Buffer.from(value);
      const request = { parent: name, payload: { data, dataCrc32c: crc32c(data) } };
      try {
        const [version] = await ask<[WireVersion]>(
          { method: 'addSecretVersion', request, routing: ['parent', name] },
          signal,
        );
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
  };
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

// GCP: an etag that is not the current one is FAILED_PRECONDITION.
function asPremise(error: unknown, name: string): unknown {
  if (saysSecretIsAbsent(error)) return new PremiseChanged(`${name} is gone by now`);
  if (hasCode(error, 'FAILED_PRECONDITION'))
    return new PremiseChanged(`${name} was changed by somebody else meanwhile`);
  return error;
}
