import type { Redis } from 'ioredis';
import { eventually } from './processes.ts';
import { type RedisOptions, type RedisPeer, startRedis } from './start-redis.ts';

/** What all servers of a group have in common. */
type Common = Pick<RedisOptions, 'make' | 'tls' | 'users'>;

export interface RedisCluster {
  /** Three primaries, then their replicas in the same order. */
  readonly nodes: readonly RedisPeer[];
  /** As `host:port`. */
  readonly addresses: readonly string[];
  /** The primary that holds a key, by its place in `nodes`. */
  holderOf(key: string): Promise<number>;
  stop(): Promise<void>;
}

/** A real cluster of three primaries, each with a replica if asked. A dead primary is replaced within about four seconds: one that has no time for two is not dead. */
export async function startRedisCluster(
  options: Common & { readonly withReplicas?: boolean } = {},
): Promise<RedisCluster> {
  const { withReplicas = false, ...rest } = options;
  const args = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    withReplicas ? '2500' : '5000',
    '--cluster-replica-validity-factor',
    '0',
    '--repl-diskless-sync-delay',
    '0',
  ];
  const nodes = await Promise.all(Array.from({ length: withReplicas ? 6 : 3 }, () => startRedis({ ...rest, args })));
  const admins = nodes.map((node) => node.admin({ lazyConnect: true }));
  try {
    await form(admins, nodes);
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  } finally {
    for (const admin of admins) admin.disconnect();
  }
  return {
    nodes,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`),
    async holderOf(key) {
      const [slot, ranges] = await slotsOf(nodes, key);
      const range = ranges.find(([from, to]) => from <= slot && slot <= to);
      return nodes.findIndex(({ port }) => port === range?.[2][1]);
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

const slots = 16_384;

async function form(admins: readonly Redis[], nodes: readonly RedisPeer[]): Promise<void> {
  await Promise.all(
    [0, 1, 2].map((index) => {
      const [from, to] = [Math.ceil((slots * index) / 3), Math.ceil((slots * (index + 1)) / 3) - 1];
      return admins[index]?.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    }),
  );
  await Promise.all(admins.map((admin, index) => admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)));
  const [first] = nodes;
  await Promise.all(admins.slice(1).map((admin) => admin.call('CLUSTER', 'MEET', '127.0.0.1', first?.port ?? 0)));
  const ids = await Promise.all(admins.map(async (admin) => String(await admin.call('CLUSTER', 'MYID'))));
  const knowsAll = async (admin: Redis) => {
    const known = String(await admin.call('CLUSTER', 'NODES'));
    return ids.every((id) => known.includes(id)) && !known.includes('handshake');
  };
  await eventually(async () => (await Promise.all(admins.map(knowsAll))).every(Boolean), { what: 'the nodes to meet' });
  await Promise.all(admins.slice(3).map((admin, index) => admin.call('CLUSTER', 'REPLICATE', ids[index] ?? '')));
  const isWhole = async (admin: Redis) => {
    const info = String(await admin.call('CLUSTER', 'INFO'));
    const replication = await admin.info('replication');
    return info.includes('cluster_state:ok') && !replication.includes('master_link_status:down');
  };
  await eventually(async () => (await Promise.all(admins.map(isWhole))).every(Boolean), { what: 'the cluster' });
}

type SlotRange = [from: number, to: number, primary: [host: string, port: number]];

/** As a node says that is alive. */
async function slotsOf(nodes: readonly RedisPeer[], key: string): Promise<[number, SlotRange[]]> {
  const admins = nodes.map((node) => node.admin({ retryStrategy: () => null, commandTimeout: 1000 }));
  for (const admin of admins) admin.on('error', () => undefined);
  try {
    return await Promise.any(
      admins.map(
        (admin) =>
          Promise.all([admin.call('CLUSTER', 'KEYSLOT', key), admin.call('CLUSTER', 'SLOTS')]) as Promise<
            [number, SlotRange[]]
          >,
      ),
    );
  } finally {
    for (const admin of admins) admin.disconnect();
  }
}

export interface RedisSentinels {
  /** The first is the primary at the start, the others its replicas. */
  readonly servers: readonly RedisPeer[];
  /** Three, as `host:port`. */
  readonly sentinels: readonly string[];
  readonly name: string;
  /** Port of the primary, as most Sentinels say. */
  primaryPort(): Promise<number>;
  stop(): Promise<void>;
}

/** A real primary with two replicas, and three Sentinels that replace it within about three seconds: one that has no time for a second is not dead. */
export async function startRedisSentinels(options: Common = {}): Promise<RedisSentinels> {
  const name = 'main';
  const primary = await startRedis({ ...options, args: ['--repl-diskless-sync-delay', '0'] });
  const replicaArgs = ['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'];
  const replicas = await Promise.all([0, 1].map(() => startRedis({ ...options, args: replicaArgs })));
  const servers = [primary, ...replicas];
  const admin = primary.admin();
  await eventually(
    async () => /connected_slaves:2[\s\S]*state=online[\s\S]*state=online/.test(await admin.info('replication')),
    {
      what: 'the replicas to follow',
    },
  );
  admin.disconnect();
  const config = [
    `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${name} 1500`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  const { users: _ofServers, ...inCommon } = options;
  const sentinels = await Promise.all([0, 1, 2].map(() => startRedis({ ...inCommon, sentinel: config })));
  const ask = async (sentinel: RedisPeer, ...question: string[]) => {
    const client = sentinel.admin({ retryStrategy: () => null, enableReadyCheck: false });
    client.on('error', () => undefined);
    try {
      return await client.call('SENTINEL', ...question, name);
    } finally {
      client.disconnect();
    }
  };
  const knowsOthers = async (sentinel: RedisPeer) => {
    const [others, known] = (await Promise.all([ask(sentinel, 'sentinels'), ask(sentinel, 'replicas')])) as unknown[][];
    return others?.length === 2 && known?.length === 2;
  };
  await eventually(async () => (await Promise.all(sentinels.map(knowsOthers))).every(Boolean), {
    what: 'the Sentinels to meet',
  });
  return {
    servers,
    name,
    sentinels: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    async primaryPort() {
      const answers = await Promise.all(sentinels.map((sentinel) => ask(sentinel, 'get-master-addr-by-name')));
      const ports = answers.map((answer) => Number((answer as [string, string])[1]));
      return ports.find((port) => ports.filter((other) => other === port).length >= 2) ?? 0;
    },
    async stop() {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}
