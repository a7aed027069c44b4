import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { getCACertificates } from 'node:tls';
import type { PipelinePolicy, PipelineRequest, PipelineResponse } from '@azure/core-rest-pipeline';
import type { SecretClient } from '@azure/keyvault-secrets';
import { SyncError } from '../../errors.ts';
import { type Credential, createCredential } from './credential.ts';
import { StoreRefusal } from './failures.ts';
import { isOfCloud } from './names.ts';
import type { AzureSettings } from './settings.ts';
import { type SignInOptions, whoAsks } from './sign-in.ts';

/** Longest time for one request, in milliseconds. */
const defaultRequestTimeoutMs = 30_000;

const onceHeader = 'x-vault-secret-sync-once';

/**
 * Goes with calls of which the SDK makes two: it looks at once at what was deleted, which needs the right to read values
 * and tells nothing that we want. It never leaves the process.
 */
export const onlyOnce = { requestOptions: { headers: { [onceHeader]: 'true' } } } as const;

/** Sockets to one vault at most. */
const maxSockets = 16;

export interface ConnectionOptions extends Omit<SignInOptions, 'agent'> {
  /** The vault's host, with its port where that is not 443. */
  readonly host: string;
}

export interface Connection {
  /** Whose rights count, for messages. */
  readonly who: string;
  /** The SDK's client, loaded and set up with the first call. @throws SyncError */
  client(): Promise<SecretClient>;
  close(): Promise<void>;
}

/** The way to one vault: its own sockets, its own sign-in, no retries and no redirects. */
export function createConnection(options: ConnectionOptions): Connection {
  let opened: Promise<{ client: SecretClient; agent: Agent }> | null = null;

  return {
    who: whoAsks(options),
    async client() {
      opened ??= open(options).catch((error: unknown) => {
        // The next call tries anew: a file may have been put right.
        opened = null;
        throw error;
      });
      return (await opened).client;
    },
    async close() {
      const open = await opened?.catch(() => null);
      open?.agent.destroy();
    },
  };
}

async function open(options: ConnectionOptions): Promise<{ client: SecretClient; agent: Agent }> {
  const { host, settings } = options;
  const agent = new Agent({ keepAlive: true, maxSockets, ...(await trustOf(settings)), ...routeOf(settings) });
  // Told so by AZURE_LOG_LEVEL the SDK logs each request with its agent, and that holds whole requests of others: tokens.
  Object.assign(agent, { toJSON: () => undefined });
  const credential = createCredential({ ...options, agent });
  const { SecretClient } = await import('@azure/keyvault-secrets');
  const client = new SecretClient(`https://${host}`, credential, {
    agent,
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [{ policy: await createPolicy(settings, credential), position: 'perRetry' }],
    disableChallengeResourceVerification: !isOfCloud(host, settings),
  });
  return { client, agent };
}

async function trustOf({ caFile }: AzureSettings): Promise<{ ca?: string[] }> {
  if (caFile === undefined) return {};
  try {
    return { ca: [...getCACertificates('default'), await readFile(caFile, 'utf8')] };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `Azure: the file of stores.azure.caFile cannot be read (${code}); mount it, or correct the setting`;
    throw new SyncError({ remedy: 'SlowRetry', reason: 'NoCertificates', message, code });
  }
}

/** The way out. The SDK's own proxy settings do not count with an agent of ours. */
function routeOf({ proxy }: AzureSettings): { proxyEnv?: { HTTPS_PROXY: string } } {
  return proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy } };
}

/**
 * Stands between the SDK and the network.
 *
 * - The challenge that asks for the first token is answered here, without the network: we know the resource, and the
 *   SDK sends the first of several simultaneous requests without its body when another one's challenge overtakes it.
 * - No value is ever read: the SDK's recovery would, and its "forbidden" is as good as an answer to it. The same holds
 *   for the look at what was deleted, after a call with `onlyOnce`.
 * - A refusal becomes a `StoreRefusal`, which holds nothing of the request.
 */
async function createPolicy(settings: AzureSettings, credential: Credential): Promise<PipelinePolicy> {
  const { createHttpHeaders } = await import('@azure/core-rest-pipeline');
  const challenge = `Bearer authorization="${settings.authorityHost}/${settings.tenantId ?? ''}", resource="https://${settings.dnsSuffix}"`;
  return {
    name: 'vaultSecretSyncPolicy',
    async sendRequest(request, next): Promise<PipelineResponse> {
      if (!request.headers.has('authorization')) {
        return { request, status: 401, headers: createHttpHeaders({ 'www-authenticate': challenge }) };
      }
      const isOnce = request.headers.has(onceHeader);
      request.headers.delete(onceHeader);
      if (readsValue(request) || (isOnce && request.method === 'GET'))
        throw refusalOf(request, { status: 403, body: '', retryAfter: undefined });
      request.abortSignal = withTimeLimit(request.abortSignal, settings.requestTimeoutMs ?? defaultRequestTimeoutMs);
      const response = await next(request);
      if (response.status === 401) {
        // The SDK signs in once more and tries again.
        credential.forget();
        return response;
      }
      credential.confirm();
      if (response.status < 400) return response;
      throw refusalOf(request, {
        status: response.status,
        body: response.bodyAsText ?? '',
        retryAfter: response.headers.get('retry-after'),
      });
    },
  };
}

/**
 * One request, from the first packet to the last byte of the answer; pages after the first know no other end. The SDK's
 * own time limit ends with the head of the answer, and its timer outlives a failed request.
 */
function withTimeLimit(signal: PipelineRequest['abortSignal'], limitMs: number): AbortSignal {
  const limit = AbortSignal.timeout(limitMs);
  return signal instanceof AbortSignal ? AbortSignal.any([signal, limit]) : limit;
}

/** `GET /secrets/{name}` and `GET /secrets/{name}/{version}`. */
function readsValue({ method, url }: PipelineRequest): boolean {
  return method === 'GET' && /^\/secrets\/[^/]+(\/(?!versions$)[^/]*)?$/.test(new URL(url).pathname);
}

function refusalOf(
  { method }: PipelineRequest,
  answer: { status: number; body: string; retryAfter: string | undefined },
): StoreRefusal {
  return new StoreRefusal({ method, ...answer });
}
