import { getCACertificates } from 'node:tls';
import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { credentialsFor, type Identity } from './credentials.ts';
import type { Place } from './place.ts';
import type { AwsSettings } from './settings.ts';

/** Milliseconds. */
const connectionTimeout = 5000;
/** Milliseconds from request to answer; the caller's signal usually ends a call sooner. */
const requestTimeout = 15_000;
/** AWS: at most 50 writes a second; connections beyond that would only wait. */
const maxSockets = 50;

/** The connections to AWS of one place. */
export async function createHandler(settings: AwsSettings): Promise<NodeHttpHandler> {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler');
  const { caPem, proxy } = settings;
  const agent = {
    keepAlive: true,
    maxSockets,
    ...(proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } }),
  };
  return new NodeHttpHandler({
    connectionTimeout,
    requestTimeout,
    // Without it a request that takes too long is only complained about.
    throwOnRequestTimeout: true,
    httpAgent: agent,
    httpsAgent: { ...agent, ...(caPem === undefined ? {} : { ca: [...getCACertificates('default'), caPem] }) },
  });
}

/** A client with credentials of its own, which it renews before they end. It does not own `handler`. */
export async function createClient(
  { region, role }: Place,
  {
    handler,
    settings,
    identity,
  }: { readonly handler: NodeHttpHandler; readonly settings: AwsSettings; readonly identity: Identity },
): Promise<SecretsManager> {
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const { useFips, useDualstack } = settings;
  const common = {
    region,
    requestHandler: handler,
    // Trying again is the caller's business.
    maxAttempts: 1,
    ...(useFips === undefined ? {} : { useFipsEndpoint: useFips }),
    ...(useDualstack === undefined ? {} : { useDualstackEndpoint: useDualstack }),
  };
  const clientConfig = { ...common, ...endpointOf(settings.stsEndpoint, region) };
  const client = new SecretsManager({
    ...common,
    ...endpointOf(settings.endpoint, region),
    credentials: await credentialsFor({ identity, role, settings, clientConfig }),
    customUserAgent: 'vault-secret-sync',
  });
  // Even with one attempt the SDK's loop wraps errors that are strange to it, and their codes are lost: it is replaced.
  client.middlewareStack.add((next) => next, {
    name: 'retryMiddleware',
    step: 'finalizeRequest',
    priority: 'high',
    override: true,
  });
  return client;
}

function endpointOf(endpoint: string | undefined, region: string): { endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint: endpoint.replaceAll('{region}', region) };
}
