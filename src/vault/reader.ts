import type { Logger } from '../logging.ts';
import { isRecord, refusalOf } from './answer.ts';
import { encodePath } from './api-path.ts';
import { createStaticTokens, type TokenSource, type VaultAuth } from './auth.ts';
import { createVaultClient, type VaultClient } from './client.ts';
import type { MountPlace, SecretPlace, SecretRead, VaultReader } from './contract.ts';
import { type Inquiry, inquire } from './inquiry.ts';
import { walkFolders } from './listing.ts';
import { createLoginTokens } from './login-tokens.ts';
import { createMounts } from './mounts.ts';
import { interpretSecret } from './secret.ts';
import { createSession, type VaultOperation } from './session.ts';
import { createTransport, type VaultAnswer } from './transport.ts';

export interface VaultReaderOptions {
  /** `https://vault.example:8200` */
  readonly address: string;
  /** Vault Enterprise, HCP Vault, OpenBao with namespaces. Where false, a place with a namespace is refused. */
  readonly namespaces: boolean;
  readonly auth: VaultAuth;
  /** Trusted instead of the system's certificate authorities. */
  readonly caPem?: string;
  readonly timeouts: {
    /** Milliseconds for one request, connecting included. */
    readonly requestMs: number;
  };
  /** Unix time in milliseconds. */
  now(): number;
  readonly logger: Logger;
  /** Called once for each request sent. */
  onRequest(operation: VaultOperation): void;
}

/** A reader of one Vault under one identity. @throws InputError for what is not an address */
export function createVaultReader(options: VaultReaderOptions): VaultReader {
  const { address } = options;
  const transport = createTransport(options);
  const client = createVaultClient({ address, transport });
  const tokens = createTokens(options, client);
  const session = createSession({ ...options, client, tokens });
  const mounts = createMounts(session);
  const world = { session, mounts };

  return {
    read: (place, signal, { version } = {}) => inquire(world, readingOf(place, { signal, version })),
    list: (place, signal) =>
      walkFolders({
        prefix: place.prefix,
        signal,
        list: (folder, folderSignal) => inquire(world, listingOf({ ...place, folder }, folderSignal)),
      }),
    mount: (place, { fresh, signal }) => mounts.get(place, { fresh, signal }),
    async check(signal) {
      const path = 'auth/token/lookup-self';
      const namespace = options.auth.method === 'token' ? '' : (options.auth.namespace ?? '');
      const answer = await session.ask({ operation: 'check', namespace, path, signal });
      if (answer.status === 200) return;
      const what = 'to say whether our token works';
      throw refusalOf(answer, { address, namespace, what, grant: { capability: 'read', path } });
    },
    async close() {
      await tokens.close();
      await transport.close();
    },
  };
}

function createTokens(options: VaultReaderOptions, client: VaultClient): TokenSource {
  const { auth } = options;
  if (auth.method === 'token') return createStaticTokens({ source: auth.token, now: options.now });
  return createLoginTokens({ ...options, auth, client });
}

function readingOf(
  place: SecretPlace,
  { signal, version }: { signal: AbortSignal; version: number | undefined },
): Inquiry<SecretRead> {
  const { mount, name } = place;
  return {
    operation: 'read',
    place,
    signal,
    wording(kvVersion) {
      const prefix = kvVersion === 2 ? `${mount}/data` : mount;
      return {
        path: `${encodePath(prefix)}/${encodePath(name)}${kvVersion === 2 && version !== undefined ? `?version=${version}` : ''}`,
        what: `to read "${name}" in the mount "${mount}"`,
        grant: { capability: 'read', path: `${prefix}/${name}` },
      };
    },
    interpret: interpretSecret,
    nothing: ({ uuid }) => ({
      found: false,
      because: 'notFound',
      version: null,
      createdTime: null,
      mountUuid: uuid,
    }),
  };
}

/** @param place its `folder` is '' or ends in `/` */
function listingOf(place: MountPlace & { folder: string }, signal: AbortSignal): Inquiry<readonly string[]> {
  const { mount, folder } = place;
  const encodedFolder = folder === '' ? '' : `${encodePath(folder.replace(/\/$/, ''))}/`;
  return {
    operation: 'list',
    place,
    signal,
    wording(kvVersion) {
      const prefix = kvVersion === 2 ? `${mount}/metadata` : mount;
      return {
        path: `${encodePath(prefix)}/${encodedFolder}`,
        what: folder === '' ? `to list the mount "${mount}"` : `to list "${folder}" in the mount "${mount}"`,
        grant: { capability: 'list', path: `${prefix}/${folder}` },
      };
    },
    interpret: (_kvVersion, answer) => keysOf(answer),
    nothing: () => [],
  };
}

/** The names in a folder; `null` when the answer is not a listing. */
function keysOf(answer: VaultAnswer): string[] | null {
  const data = answer.status === 200 && isRecord(answer.body) ? answer.body['data'] : undefined;
  const keys = isRecord(data) ? data['keys'] : undefined;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) return null;
  return keys;
}
