import { type Client, openClient } from './client.ts';
import type { WireTime } from './durations.ts';
import { codeOf } from './failures.ts';
import { type Network, openNetwork } from './network.ts';
import { callTimeoutOf, type GcpSettings } from './settings.ts';
import type { TokenSource } from './tokens.ts';

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
   * @throws SyncError when there are no credentials, or none that Google takes
   */
  call(call: Call, signal: AbortSignal): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly settings: GcpSettings;
  /** `host:port`; null = Google's own. */
  readonly endpoint: string | null;
  /** Whose tokens go with the calls. */
  tokensOver(network: Network): TokenSource;
}

interface Open {
  readonly network: Network;
  readonly client: Client;
  readonly tokens: TokenSource;
}

/**
 * Loads the SDK with the first call. All calls go over one connection (gRPC), or over some that are kept (REST); each
 * brings its token itself, so that another token needs no other connection.
 */
export function createConnection({ settings, endpoint, tokensOver }: ConnectionOptions): Connection {
  const timeout = callTimeoutOf(settings);
  let opening: Promise<Open> | null = null;

  async function open(): Promise<Open> {
    const network = await openNetwork(settings);
    const client = await openClient({ settings, endpoint, network });
    return { network, client, tokens: tokensOver(network) };
  }

  return {
    async call({ method, request, routing }, signal) {
      opening ??= open().catch((error: unknown) => {
        // The next call tries anew: a file may have been put right.
        opening = null;
        throw error;
      });
      const limit = AbortSignal.timeout(timeout);
      const { client, tokens } = await unlessAborted(opening, { signal, limit });
      const proof = await unlessAborted(tokens.headers(), { signal, limit });
      const [field, resource] = routing;
      const headers = { ...proof, 'x-goog-request-params': `${field}=${encodeURIComponent(resource)}` };
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
        if (codeOf(error) === 'UNAUTHENTICATED') tokens.forget();
        throw error;
      }
    },
    async close() {
      const opened = await opening?.catch(() => null);
      opening = null;
      await opened?.client.close();
      opened?.network.close();
    },
  };
}

/** Waits for something that cannot be cancelled itself; it ends as CANCELLED, or as DEADLINE_EXCEEDED after its limit. */
async function unlessAborted<Result>(
  work: Promise<Result>,
  { signal, limit }: { signal: AbortSignal; limit: AbortSignal },
): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const either = AbortSignal.any([signal, limit]);
  const abort = (): void => reject(Object.assign(new Error('given up'), { code: signal.aborted ? 1 : 4 }));
  if (either.aborted) abort();
  either.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    either.removeEventListener('abort', abort);
  }
}
