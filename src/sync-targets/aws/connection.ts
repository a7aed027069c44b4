import { getCACertificates } from 'node:tls';
import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Attempt, abortedError, asSyncError } from './failures.ts';
import { describePlace, type Place } from './place.ts';

/** What the operator says of AWS, for all destinations. */
export interface AwsSettings {
  /** Address of Secrets Manager, where it is not AWS's own, e.g. a VPC endpoint. */
  readonly endpoint?: string;
  /** Address of STS, for destinations with a role, where it is not AWS's own. */
  readonly stsEndpoint?: string;
  /** Region of destinations that name none. */
  readonly region?: string;
  /** Certificates (PEM) that are trusted besides the system's. */
  readonly caPem?: string;
  /** Default: what the SDK finds (environment, web identity, files, container, instance). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** Milliseconds. */
const connectionTimeout = 5000;
/** Milliseconds from request to answer; the caller's signal usually ends a call sooner. */
const requestTimeout = 15_000;
/** AWS: at most 50 writes a second; connections beyond that would only wait. */
const maxSockets = 50;

/** What the SDK hands on to each request. */
interface CallOptions {
  readonly abortSignal: AbortSignal;
}

interface Call<Output> {
  /** As AWS names it, e.g. `PutSecretValue`. */
  readonly operation: string;
  readonly subject: string;
  readonly signal: AbortSignal;
  send(client: SecretsManager, options: CallOptions): Promise<Output>;
}

/** Secrets Manager in one place, under one identity. */
export interface Connection {
  /** One request, no repetition. @throws SyncError with AWS's own `code` */
  call<Output>(call: Call<Output>): Promise<Output>;
  close(): Promise<void>;
}

interface Client {
  readonly secretsManager: SecretsManager;
  readonly handler: NodeHttpHandler;
}

/** Nothing is loaded and nothing connects before the first call. */
export function createConnection(place: Place, settings: AwsSettings): Connection {
  let client: Promise<Client> | null = null;
  const connect = (): Promise<Client> => {
    client ??= createClient(place, settings);
    return client;
  };
  return {
    async call({ operation, subject, signal, send }) {
      const attempt: Attempt = { operation, subject, place: describePlace(place) };
      const { secretsManager } = await connect();
      try {
        return await untilAborted(signal, () => send(secretsManager, { abortSignal: signal }));
      } catch (error) {
        throw signal.aborted ? abortedError(attempt) : asSyncError(error, attempt);
      }
    },
    async close() {
      if (client === null) return;
      const { secretsManager, handler } = await client;
      secretsManager.destroy();
      handler.destroy();
    },
  };
}

async function createClient({ region, roleArn }: Place, settings: AwsSettings): Promise<Client> {
  const [{ SecretsManager }, { NodeHttpHandler }, providers] = await Promise.all([
    import('@aws-sdk/client-secrets-manager'),
    import('@smithy/node-http-handler'),
    import('@aws-sdk/credential-providers'),
  ]);
  const agent = { keepAlive: true, maxSockets };
  const ca = settings.caPem === undefined ? {} : { ca: [...getCACertificates('default'), settings.caPem] };
  const handler = new NodeHttpHandler({
    connectionTimeout,
    requestTimeout,
    // Without it a request that takes too long is only complained about.
    throwOnRequestTimeout: true,
    httpAgent: agent,
    httpsAgent: { ...agent, ...ca },
  });
  // Trying again is the caller's business.
  const common = { region, requestHandler: handler, maxAttempts: 1 };
  const own = settings.credentials ?? providers.fromNodeProviderChain({ clientConfig: common });
  const credentials =
    roleArn === null
      ? own
      : providers.fromTemporaryCredentials({
          masterCredentials: own,
          params: { RoleArn: roleArn, RoleSessionName: 'vault-secret-sync' },
          clientConfig: { ...common, ...endpointOf(settings.stsEndpoint) },
        });
  const secretsManager = new SecretsManager({
    ...common,
    ...endpointOf(settings.endpoint),
    credentials,
    customUserAgent: 'vault-secret-sync',
  });
  // Even with one attempt the SDK's loop wraps errors that are strange to it, and their codes are lost: it is replaced.
  secretsManager.middlewareStack.add((next) => next, {
    name: 'retryMiddleware',
    step: 'finalizeRequest',
    priority: 'high',
    override: true,
  });
  return { secretsManager, handler };
}

function endpointOf(endpoint: string | undefined): { endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint };
}

/**
 * The SDK's abort signal ends a request to Secrets Manager, but not the search for credentials before it (STS, the
 * metadata of an instance).
 */
function untilAborted<Output>(signal: AbortSignal, send: () => Promise<Output>): Promise<Output> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('aborted'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    send()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
