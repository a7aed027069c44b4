import type { ClientOptions } from 'google-gax';
import { SyncError } from '../../errors.ts';
import type { WireTime } from './durations.ts';
import { codeOf } from './failures.ts';
import type { GcpSettings } from './settings.ts';

/** A KMS key, as Google's protocol has it. */
interface WireKey {
  readonly customerManagedEncryption?: { readonly kmsKeyName: string } | null;
}

export interface WireReplication {
  readonly automatic?: WireKey | null;
  readonly userManaged?: { readonly replicas: readonly (WireKey & { readonly location: string })[] } | null;
}

/** What is read of a secret, and written to it; enums and 64-bit numbers come as text. */
export interface WireSecret extends WireKey {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly secretType?: string;
  readonly replication?: WireReplication | null;
  readonly topics?: readonly { readonly name: string }[];
  readonly expireTime?: WireTime | null;
  /** Only ever written. */
  readonly ttl?: WireTime;
  readonly versionDestroyTtl?: WireTime | null;
  readonly versionAliases?: Readonly<Record<string, string | number>>;
}

/** What is read of a version. */
export interface WireVersion {
  readonly name: string;
  readonly state: string;
  readonly etag: string;
  readonly createTime?: WireTime | null;
  /** When Google destroys it by itself; it is disabled until then. */
  readonly scheduledDestroyTime?: WireTime | null;
  readonly clientSpecifiedPayloadChecksum?: boolean;
}

/** One unary call of the SDK; it ends at the latest after the settings' `callTimeoutMs`. */
export interface Call {
  /** Method in the SDK's spelling. */
  readonly method:
    | 'getSecret'
    | 'getSecretVersion'
    | 'listSecrets'
    | 'createSecret'
    | 'updateSecret'
    | 'deleteSecret'
    | 'addSecretVersion'
    | 'listSecretVersions'
    | 'destroySecretVersion';
  readonly request: object;
  /** Field and resource by which Google routes the call (`x-goog-request-params`). */
  readonly routing: readonly [field: string, resource: string];
}

export interface Connection {
  /**
   * Makes one call, tries once, and gives what the SDK gives: the answer, then for lists the next page's request.
   * @throws whatever the SDK throws; `codeOf` tells its code
   * @throws SyncError `SlowRetry` when there are no credentials
   */
  call(call: Call, signal: AbortSignal): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

interface Client {
  readonly innerApiCalls: Record<string, (request: object, options: object) => Promise<readonly unknown[]>>;
  initialize(): Promise<unknown>;
  close(): Promise<void>;
}

const defaultCallTimeoutMs = 10_000;

/**
 * Loads the SDK with the first call, and anew after credentials were refused, so that corrected ones are found. All calls
 * go over one connection. `endpoint` is `host:port`; null = Google's own.
 */
export function createConnection(settings: GcpSettings, endpoint: string | null): Connection {
  const timeout = settings.callTimeoutMs ?? defaultCallTimeoutMs;
  let connecting: Promise<Client> | null = null;
  let connected: Client | null = null;

  async function connect(): Promise<Client> {
    const client = await openClient(settings, endpoint);
    try {
      // Awaited here: the SDK's own methods leave a failure of this as an unhandled rejection, which ends the process.
      await client.initialize();
    } catch {
      connecting = null;
      const advice = 'give the operator a service account (workload identity, or GOOGLE_APPLICATION_CREDENTIALS)';
      const message = `GCP Secret Manager: no Google credentials are to be found; ${advice}`;
      throw new SyncError({ remedy: 'SlowRetry', reason: 'NoCredentials', message });
    }
    connected = client;
    return client;
  }

  async function disconnect(): Promise<void> {
    const pending = connecting;
    connecting = null;
    connected = null;
    await pending?.then((client) => client.close()).catch(() => undefined);
  }

  return {
    async call({ method, request, routing }, signal) {
      connecting ??= connect();
      const attempt = connecting;
      const client =
        connected ?? (await unlessAborted(attempt, AbortSignal.any([signal, AbortSignal.timeout(timeout)])));
      const [field, resource] = routing;
      const headers = { 'x-goog-request-params': `${field}=${encodeURIComponent(resource)}` };
      const options = {
        timeout,
        signal,
        retry: null,
        autoPaginate: false,
        enableTelemetryLogging: false,
        otherArgs: { headers },
      };
      // Never the SDK's public methods: told so by GOOGLE_SDK_NODE_LOGGING they log requests, payload and all.
      const invoke = client.innerApiCalls[method];
      if (!invoke) throw new Error(`the Google SDK has no ${method}`);
      try {
        return await invoke(request, options);
      } catch (error) {
        if (codeOf(error) === 'UNAUTHENTICATED' && connecting === attempt) await disconnect();
        throw error;
      }
    },
    close: disconnect,
  };
}

async function openClient(settings: GcpSettings, endpoint: string | null): Promise<Client> {
  const { v1 } = await import('@google-cloud/secret-manager');
  return new v1.SecretManagerServiceClient(await clientOptions(settings, endpoint)) as unknown as Client;
}

async function clientOptions({ insecure }: GcpSettings, endpoint: string | null): Promise<ClientOptions> {
  if (endpoint === null) return {};
  const { hostname, port } = new URL(`https://${endpoint}`);
  const place = { apiEndpoint: hostname, port: Number(port || 443) };
  if (!insecure) return place;
  // Without TLS no token may be sent, so none is looked for: that search would ask the network for a metadata server.
  const { grpc, googleAuthLibrary } = await import('google-gax');
  return {
    ...place,
    sslCreds: grpc.credentials.createInsecure(),
    authClient: new googleAuthLibrary.PassThroughClient(),
  };
}

/** Waits for something that cannot be cancelled itself; it ends as CANCELLED when the signal aborts. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(Object.assign(new Error('given up'), { code: 1 }));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
