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
  /** Makes one thing go wrong, after what went wrong before. Resolves once it is mended; false = it could not be done. */
  disturb(trouble: RedisTrouble, forMs: number): Promise<boolean>;
  /** How often another server took over. */
  failovers(): number;
  stop(): Promise<void>;
}

interface Servers {
  readonly state: Pick<Settings['state'], 'redis' | 'sentinel' | 'cluster'>;
  /** Every server with data. */
  readonly all: readonly RedisPeer[];
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
  const findPrimary = () => eventually(() => servers.primary(), { what: 'a primary', within: 60_000 });
  let primary = await findPrimary();
  let failovers = 0;
  const disturbNow = async (trouble: RedisTrouble, forMs: number) => {
    const wasDone = await disturb(servers, primary, trouble, forMs);
    const latest = await findPrimary();
    if (latest !== primary) failovers++;
    primary = latest;
    return wasDone;
  };
  let before: Promise<unknown> = Promise.resolve();
  return {
    settingsFor: (role) => ({ ...servers.state, prefix, username: role, password: `${role}-password` }),
    disturb(trouble, forMs) {
      const now = before.then(() => disturbNow(trouble, forMs));
      before = now.catch(() => undefined);
      return now;
    },
    failovers: () => failovers,
    stop: () => servers.stop(),
  };
}

async function standalone(users: readonly string[]): Promise<Servers> {
  const server = await startRedis({ users, appendOnly: true });
  return {
    state: { redis: server.url },
    all: [server],
    primary: async () => server,
    handOver: async () => undefined,
    stop: () => server.stop(),
  };
}

async function sentinels(users: readonly string[]): Promise<Servers> {
  const group = await startRedisSentinels({ users });
  return {
    state: { sentinel: { name: group.name, nodes: [...group.sentinels] } },
    all: group.servers,
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
    all: group.nodes,
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

/** @returns false where Redis refused it */
async function disturb(servers: Servers, primary: RedisPeer, trouble: RedisTrouble, forMs: number): Promise<boolean> {
  const { port } = primary;
  switch (trouble) {
    case 'restart':
    case 'die':
      await primary.kill();
      await sleep(forMs);
      await primary.restart();
      return true;
    case 'freeze':
    case 'gone': {
      // A group keeps nothing on disk: killed, all of it would be emptied as well, and that is another trouble.
      const victims = trouble === 'freeze' ? [primary] : servers.all;
      for (const victim of victims) await victim.pause();
      await sleep(forMs);
      for (const victim of victims) victim.resume();
      return true;
    }
    case 'slow': {
      const end = performance.now() + forMs;
      while (performance.now() < end) {
        await ask(port, (client) => client.call('CLIENT', 'PAUSE', 400)).catch(() => undefined);
        await sleep(600);
      }
      return true;
    }
    case 'full':
    case 'evict': {
      const isFull = trouble === 'full';
      const room = isFull ? 1 : (await usedMemory(port)) - 64 * 1024;
      await configure(port, isFull ? 'noeviction' : 'allkeys-random', room);
      await sleep(forMs);
      await configure(port, 'noeviction', 0);
      return true;
    }
    case 'empty':
      await ask(port, (client) => client.flushall());
      return true;
    case 'hand over': {
      const agreed = () => servers.handOver().then(() => true);
      const wasDone = await eventually(agreed, { what: 'a replica that takes over', within: 10_000, every: 200 }).catch(
        () => false,
      );
      await sleep(forMs);
      return wasDone;
    }
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
