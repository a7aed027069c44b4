import { Redis } from 'ioredis';
import {
  type Address,
  type Credentials,
  credentialsOf,
  nodesOf,
  type RedisServer,
  sentinelsOf,
  usesTls,
} from './server.ts';
import { openSocket, StreamConnector } from './stream.ts';

/** How long those that know the primary are waited for, in milliseconds. */
const answerWithinMs = 1000;

/** Asks one node; the address of the primary as that node sees it, or null. */
type Ask = (client: Redis, node: Address) => Promise<Address | null>;

/**
 * Where the server is that takes our writes now. Where several know it, the one that most of them name: a Sentinel or a node
 * that was cut off goes on naming the old one.
 * @throws Error that says who was asked in vain
 */
export async function findPrimary(server: RedisServer, signal: AbortSignal): Promise<Address> {
  const { sentinel, cluster } = server;
  if (sentinel !== undefined) {
    const credentials = sentinel.credentials?.() ?? {};
    const ask: Ask = (client) => askSentinel(client, sentinel.name);
    return byMostVotes(sentinelsOf(sentinel), { server, credentials, ask, signal, who: 'no Sentinel' });
  }
  if (cluster !== undefined) {
    const ask: Ask = (client, node) => askNode(client, { node, root: cluster.root });
    const credentials = credentialsOf(server);
    return byMostVotes(nodesOf(cluster), { server, credentials, ask, signal, who: 'no node of the cluster' });
  }
  throw new Error('a single server names no other');
}

async function askSentinel(client: Redis, name: string): Promise<Address | null> {
  const answer = (await client.call('SENTINEL', 'get-master-addr-by-name', name)) as [string, string] | null;
  return answer === null ? null : { host: answer[0], port: Number(answer[1]) };
}

/** `more`: from Redis 7 on, names and values of what else is known of the node. */
type SlotRange = [
  from: number,
  to: number,
  primary: [host: string | null, port: number, id: string, more?: readonly string[]],
];

async function askNode(client: Redis, { node, root }: { node: Address; root: string }): Promise<Address | null> {
  const [slot, ranges] = (await Promise.all([
    client.call('CLUSTER', 'KEYSLOT', root),
    client.call('CLUSTER', 'SLOTS'),
  ])) as [number, SlotRange[]];
  const range = ranges.find(([from, to]) => from <= slot && slot <= to);
  if (range === undefined) return null;
  const [host, port, , more = []] = range[2];
  // A node that does not know its own name means the one by which it was reached.
  if (host === null || host === '' || host === '?') return { host: node.host, port };
  const at = more.indexOf('hostname');
  const name = at < 0 ? undefined : more[at + 1];
  return { host, port, ...(name ? { name } : {}) };
}

interface Vote {
  readonly server: RedisServer;
  readonly credentials: Credentials;
  readonly ask: Ask;
  readonly signal: AbortSignal;
  /** Begins the sentence "… names a primary". */
  readonly who: string;
}

/** As soon as more than half of them say the same, else when all have answered or time is up. */
function byMostVotes(nodes: readonly Address[], { server, credentials, ask, signal, who }: Vote): Promise<Address> {
  const votes = new Map<string, { readonly address: Address; count: number }>();
  const found = Promise.withResolvers<Address>();
  const clients: Redis[] = [];
  let failure: unknown;
  const count = () => {
    const [most] = [...votes.values()].sort((left, right) => right.count - left.count);
    if (most !== undefined) found.resolve(most.address);
    else found.reject(new Error(`${who} names a primary`, { cause: failure }));
  };
  const consult = async (node: Address): Promise<void> => {
    const client = connectBriefly(node, { server, credentials });
    clients.push(client);
    const address = await ask(client, node).catch((error: unknown) => {
      failure = error;
      return null;
    });
    if (address === null) return;
    const key = `${address.host}:${address.port}`;
    const vote = votes.get(key) ?? { address, count: 0 };
    vote.count += 1;
    votes.set(key, vote);
    if (vote.count > nodes.length / 2) found.resolve(address);
  };
  const timer = setTimeout(count, answerWithinMs);
  const onAbort = () => found.reject(new Error('no longer wanted'));
  signal.addEventListener('abort', onAbort);
  void Promise.all(nodes.map(consult)).then(count);
  return found.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    for (const client of clients) client.disconnect();
  });
}

/** A connection for one question. */
function connectBriefly(
  node: Address,
  { server, credentials }: { server: RedisServer; credentials: Credentials },
): Redis {
  const secure = usesTls(server);
  class Connector extends StreamConnector {
    protected override async open() {
      return openSocket(node, secure ? (server.tls?.() ?? {}) : null);
    }
  }
  const client = new Redis({
    ...credentials,
    Connector,
    ...(secure ? { tls: {} } : {}),
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: answerWithinMs,
    commandTimeout: answerWithinMs,
    disconnectTimeout: 50,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  return client;
}
