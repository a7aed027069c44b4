/** A Redis to connect to: exactly one of `url`, `sentinel` and `cluster`. */
export interface RedisServer {
  /** One server: `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url?: string;
  /** The primary that Sentinels name. */
  readonly sentinel?: SentinelPlace;
  /** The primary of a cluster's node that holds our keys. */
  readonly cluster?: ClusterPlace;
  /** Asked before each connection, so that a rotated password serves from the next one on. Wins over the URL's. Must not throw. */
  readonly credentials?: () => Credentials;
  /** Asked before each connection with TLS. Must not throw. */
  readonly tls?: () => TlsMaterial;
}

export interface SentinelPlace {
  /** Name of the primary, as the Sentinels call it. */
  readonly name: string;
  /** The Sentinels, as `host:port`. */
  readonly nodes: readonly string[];
  /** Whether Sentinels and servers are reached by TLS. */
  readonly tls: boolean;
  /** What the Sentinels themselves ask for. */
  readonly credentials?: () => Credentials;
  readonly database: number;
}

export interface ClusterPlace {
  /** Some of its nodes, as `host:port`. */
  readonly nodes: readonly string[];
  readonly tls: boolean;
  /** What all our keys begin with: its hash tag says which slot, and so which node, they are in. */
  readonly root: string;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** All PEM. */
export interface TlsMaterial {
  /** Certificate authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Our own certificate and its key, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must bear, where it is not the host's. */
  readonly servername?: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  /** How the server calls itself: its certificate may bear this name where `host` is an IP address. */
  readonly name?: string;
}

const sentinelPort = 26379;
const redisPort = 6379;

/** As much of a server as every connection to it needs, without what else stands beside it. */
export function serverOf({ url, sentinel, cluster, credentials, tls }: RedisServer): RedisServer {
  return {
    ...(url === undefined ? {} : { url }),
    ...(sentinel === undefined ? {} : { sentinel }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** What may be shown of where it is, e.g. `host:port`: the URL itself holds a password. */
export function placeOf({ url, sentinel, cluster }: RedisServer): string {
  if (sentinel !== undefined) return `${sentinel.name} (Sentinels ${sentinel.nodes.join(', ')})`;
  if (cluster !== undefined) return `the cluster ${cluster.nodes.join(', ')}`;
  return new URL(url ?? '').host;
}

export function usesTls({ url, sentinel, cluster }: RedisServer): boolean {
  return sentinel?.tls ?? cluster?.tls ?? new URL(url ?? '').protocol === 'rediss:';
}

/** Number of the database. A cluster has only the first. */
export function databaseOf({ url, sentinel }: RedisServer): number {
  if (url === undefined) return sentinel?.database ?? 0;
  return Number(new URL(url).pathname.slice(1) || 0);
}

/** As they are now. */
export function credentialsOf({ url, credentials }: RedisServer): Credentials {
  const { username, password } = url === undefined ? { username: '', password: '' } : new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...credentials?.(),
  };
}

/** Where the one server of a URL is. */
export function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: withoutBrackets(hostname), port: port === '' ? redisPort : Number(port) };
}

export function sentinelsOf({ nodes }: SentinelPlace): Address[] {
  return nodes.map((node) => nodeAddress(node, sentinelPort));
}

export function nodesOf({ nodes }: ClusterPlace): Address[] {
  return nodes.map((node) => nodeAddress(node, redisPort));
}

/** `host`, `host:port`, `[::1]:port`. */
function nodeAddress(node: string, defaultPort: number): Address {
  const [, host = node, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(node) ?? [];
  return { host: withoutBrackets(host), port: port === undefined ? defaultPort : Number(port) };
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
