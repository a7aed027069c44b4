import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Settings } from '../../src/config/settings.ts';
import { accessRules } from '../../src/state/redis/access.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../../test/peers/processes.ts';
import { type RedisPeer, startRedis } from '../../test/peers/start-redis.ts';
import { startRedisCluster, startRedisSentinels } from '../../test/peers/start-redis-group.ts';
import type { RedisMode, RedisTrouble, Role } from './plan.ts';

/** The real Redis that webhooks and operators share, and what can befall it. */
export interface DisturbedRedis {
  /** What the settings of a role say of it; each role has a user of its own with the least rights. */
  settingsFor(role: Role): Settings['state'];
  /** Resolves once it is mended. */
  disturb(trouble: RedisTrouble, forMs: number): Promise<void>;
  stop(): Promise<void>;
}

interface Servers {
  readonly state: Pick<Settings['state'], 'redis' | 'sentinel' | 'cluster'>;
  /** The one that takes writes now. */
  primary(): Promise<RedisPeer>;
  /** Asks a replica to take over. */
  handOver(): Promise<void>;
  stop(): Promise<void>;
}

const prefix = 'chaos';

/** Starts it. One server keeps its data (append-only file); those of a group have replicas instead. */
export async function startDisturbedRedis(mode: RedisMode): Promise<DisturbedRedis> {
  const rules = accessRules(prefix);
  const users = [
    'user default on nopass ~* &* +@all',
    `user webhook on >webhook-password ${rules.webhook}`,
    `user operator on >operator-password ${rules.operator}`,
  ];
  const servers = await { standalone, sentinel: sentinels, cluster }[mode](users);
  return {
    settingsFor: (role) => ({ ...servers.state, prefix, username: role, password: `${role}-password` }),
    disturb: (trouble, forMs) => disturb(servers, trouble, forMs),
    stop: () => servers.stop(),
  };
}

async function standalone(users: readonly string[]): Promise<Servers> {
  const server = await startRedis({ users, appendOnly: true });
  return {
    state: { redis: server.url },
    primary: async () => server,
    handOver: async () => undefined,
    stop: () => server.stop(),
  };
}

async function sentinels(users: readonly string[]): Promise<Servers> {
  const group = await startRedisSentinels({ users });
  return {
    state: { sentinel: { name: group.name, nodes: [...group.sentinels] } },
    async primary() {
      const port = await group.primaryPort();
      return group.servers.find((server) => server.port === port) as RedisPeer;
    },
    async handOver() {
      const port = Number(group.sentinels[0]?.split(':')[1]);
      await ask(port, (client) => client.call('SENTINEL', 'FAILOVER', group.name));
    },
    stop: () => group.stop(),
  };
}

async function cluster(users: readonly string[]): Promise<Servers> {
  const group = await startRedisCluster({ users, withReplicas: true });
  const { root } = keysOf(prefix);
  const primary = async () => group.nodes[await group.holderOf(root)] as RedisPeer;
  return {
    state: { cluster: { nodes: [...group.addresses] } },
    primary,
    async handOver() {
      const { port } = await primary();
      const [id, nodes] = await ask(port, (client) =>
        Promise.all([client.call('CLUSTER', 'MYID'), client.call('CLUSTER', 'NODES')]),
      );
      const replica = String(nodes)
        .split('\n')
        .find((line) => line.includes(`slave ${id}`) && !line.includes('fail'));
      const [, replicaPort] = /:(\d+)@/.exec(replica ?? '') ?? [];
      await ask(Number(replicaPort), (client) => client.call('CLUSTER', 'FAILOVER'));
    },
    stop: () => group.stop(),
  };
}

async function disturb(servers: Servers, trouble: RedisTrouble, forMs: number): Promise<void> {
  const server = await eventually(() => servers.primary(), { what: 'a primary', within: 60_000 });
  const { port } = server;
  switch (trouble) {
    case 'restart':
    case 'die':
      await server.kill();
      await sleep(forMs);
      return server.restart();
    case 'freeze':
      server.pause();
      await sleep(forMs);
      return server.resume();
    case 'slow': {
      const end = performance.now() + forMs;
      while (performance.now() < end) {
        await ask(port, (client) => client.call('CLIENT', 'PAUSE', 400)).catch(() => undefined);
        await sleep(600);
      }
      return;
    }
    case 'full':
    case 'evict': {
      const isFull = trouble === 'full';
      const room = isFull ? 1 : (await usedMemory(port)) - 64 * 1024;
      await configure(port, isFull ? 'noeviction' : 'allkeys-random', room);
      await sleep(forMs);
      return configure(port, 'noeviction', 0);
    }
    case 'empty':
      return void (await ask(port, (client) => client.flushall()));
    case 'hand over':
      return servers.handOver().catch(() => undefined);
    default: {
      const never: never = trouble;
      return never;
    }
  }
}

async function usedMemory(port: number): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await ask(port, (client) => client.info('memory')))?.[1]);
}

async function configure(port: number, policy: string, maxmemory: number): Promise<void> {
  await ask(port, (client) => client.config('SET', 'maxmemory-policy', policy, 'maxmemory', String(maxmemory)));
}

async function ask<T>(port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, { retryStrategy: () => null, commandTimeout: 5_000 });
  client.on('error', () => undefined);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}
