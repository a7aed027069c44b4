import type { ClientOptions } from 'google-gax';
import type { Network } from './network.ts';
import type { GcpSettings } from './settings.ts';

const googlesOwn = 'secretmanager.googleapis.com:443';

/** What is used of the SDK's client. */
export interface Client {
  readonly innerApiCalls: Record<string, (request: object, options: object) => Promise<readonly unknown[]>>;
  close(): Promise<void>;
}

export interface ClientWish {
  readonly settings: GcpSettings;
  /** `host:port`; null = Google's own. */
  readonly endpoint: string | null;
  readonly network: Network;
}

/** The SDK's client for one endpoint, by the transport of the settings. It knows no credentials: calls bring theirs. */
export async function openClient(wish: ClientWish): Promise<Client> {
  const { v1 } = await import('@google-cloud/secret-manager');
  const options = wish.settings.transport === 'rest' ? restOptions(wish) : await grpcOptions(wish);
  const client = new v1.SecretManagerServiceClient(options);
  // Awaited here: the SDK's own methods leave a failure of this as an unhandled rejection, which ends the process.
  await client.initialize();
  return client as unknown as Client;
}

async function grpcOptions({ settings, endpoint, network }: ClientWish): Promise<ClientOptions> {
  const { grpc, googleAuthLibrary } = await import('google-gax');
  const { ca } = network;
  const secure = grpc.credentials.createSsl(ca === null ? undefined : Buffer.from(ca));
  return {
    ...placeOf(settings.proxy ?? null, endpoint),
    sslCreds: settings.insecure ? grpc.credentials.createInsecure() : secure,
    // It adds nothing, and asks no network for a metadata server.
    authClient: new googleAuthLibrary.PassThroughClient(),
  };
}

/**
 * Where to connect to. Through a proxy that is the proxy, which is asked for the place behind it by the channel options
 * that gRPC itself sets when it finds a proxy in the variables of the environment.
 */
function placeOf(proxy: string | null, endpoint: string | null): Record<string, string | number> {
  if (proxy === null) return endpoint === null ? {} : addressOf(endpoint);
  const { hostname, port, username, password } = new URL(proxy);
  const behind = addressOf(endpoint ?? googlesOwn);
  const user = [username, password].map(decodeURIComponent).join(':');
  return {
    apiEndpoint: hostname,
    port: Number(port || 80),
    'grpc.enable_http_proxy': 0,
    'grpc.http_connect_target': `dns:${behind.apiEndpoint}:${behind.port}`,
    'grpc.default_authority': behind.apiEndpoint,
    ...(username === '' ? {} : { 'grpc.http_connect_creds': user }),
  };
}

function addressOf(endpoint: string): { apiEndpoint: string; port: number } {
  const { hostname, port } = new URL(`https://${endpoint}`);
  return { apiEndpoint: hostname, port: Number(port || 443) };
}

function restOptions({ settings, endpoint, network }: ClientWish): ClientOptions {
  return {
    ...(endpoint === null ? {} : addressOf(endpoint)),
    fallback: true,
    protocol: settings.insecure ? 'http' : 'https',
    authClient: createDoor(network) as unknown as NonNullable<ClientOptions['authClient']>,
  };
}

/** What the SDK hands to `fetch`, as far as it counts here. */
interface Sent {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string | Buffer;
  readonly signal: AbortSignal;
}

/**
 * Stands in the place of an auth client of Google's library, through whose `fetch` the SDK sends when it speaks REST. That
 * one would use sockets of the SDK's own, which know neither our authorities nor our proxy.
 */
function createDoor(network: Network) {
  return {
    universeDomain: 'googleapis.com',
    getRequestHeaders: async () => new Headers(),
    async fetch(url: string, { method, headers, body, signal }: Sent) {
      const given = Object.fromEntries(headers.entries());
      const answer = await network.send({ url, method, headers: given, body, signal });
      const { status } = answer;
      return { ok: status >= 200 && status < 300, status, arrayBuffer: async () => arrayBufferOf(answer.body) };
    },
  };
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBufferLike {
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
