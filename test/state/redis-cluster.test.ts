import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { redisServerOf } from '../../src/cli/compose/redis-server.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually, makePeerFolder, removeFolder } from '../peers/processes.ts';
import type { RedisPeer, RedisTls } from '../peers/start-redis.ts';
import { type RedisCluster, startRedisCluster } from '../peers/start-redis-group.ts';
import { describeState } from './conformance.ts';
import { tlsSettings, writeCertificates } from './redis-tls.ts';
import { leastUsers, openBoth, openPair, type Pair, silent } from './redis-world.ts';
import { done, Runs } from './runs.ts';

const prefix = 'vss';
const { root } = keysOf(prefix);

/** As the settings say it. */
async function placeOf(nodes: readonly string[], tls?: RedisTls, more: { serverName?: string } = {}) {
  const cluster = { nodes: [...nodes], tls: tls !== undefined };
  const server = await redisServerOf({ prefix, cluster, ...(tls ? tlsSettings(tls) : {}), ...more }, silent);
  return { prefix, ...server };
}

describe('the state in a Redis Cluster, as two users with the least rights', () => {
  let cluster: RedisCluster;
  let admin: Redis;
  beforeAll(async () => {
    cluster = await startRedisCluster({ users: leastUsers(prefix) });
    admin = (await holderOf(cluster)).admin();
  });
  afterAll(async () => {
    admin.disconnect();
    await cluster.stop();
  });

  describeState(async () => {
    await admin.flushall();
    const both = openBoth(await placeOf(cluster.addresses), { asLeastUsers: true });
    await eventually(() => Promise.all([both.state.ping(), both.webhook.ping()]), { what: 'both to connect' });
    return both;
  });

  test('and nothing that was tried was refused, on no node', async () => {
    const logs = await Promise.all(
      cluster.nodes.map(async (node) => {
        const client = node.admin();
        const log = await client.call('ACL', 'LOG');
        client.disconnect();
        return log;
      }),
    );

    expect(logs).toEqual([[], [], []]);
  });
});

describe.each([
  { name: 'Redis', make: 'Redis', secure: false },
  { name: 'Redis with TLS', make: 'Redis', secure: true },
  { name: 'Valkey', make: 'Valkey', secure: false },
] as const)('a cluster of $name that changes', ({ make, secure }) => {
  let folder: string;
  let cluster: RedisCluster;
  let pair: Pair;
  let tls: RedisTls | undefined;
  beforeAll(async () => {
    folder = await makePeerFolder('redis-cluster');
    tls = secure ? writeCertificates(folder, { addresses: ['127.0.0.1'] }) : undefined;
    cluster = await startRedisCluster({ make, withReplicas: true, ...(tls ? { tls } : {}) });
  });
  afterAll(async () => {
    await cluster.stop();
    await removeFolder(folder);
  });
  beforeEach(async () => {
    pair = await openPair(await placeOf(cluster.addresses, tls), { asLeastUsers: false });
  });
  afterEach(() => pair.close());

  test('what was taken moves with its slot to another node, and is run there', async () => {
    await pair.handIn('before');
    const from = await cluster.holderOf(root);
    await moveSlot(cluster, { from, to: (from + 1) % 3 });
    await pair.handIn('after');
    const runs = new Runs(pair.state, () => done);

    await Promise.all([runs.until('before', 1), runs.until('after', 1)]);
    await pair.untilBothLearnt();

    expect(await cluster.holderOf(root)).not.toBe(from);
    expect(pair.losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
  });

  test('while a slot moves, what is not taken is refused, and what is taken runs', async () => {
    const from = await cluster.holderOf(root);
    const runs = new Runs(pair.state, () => done, 5);
    const names = Array.from({ length: 40 }, (_, index) => `job ${index}`);

    const moved = moveSlot(cluster, { from, to: (from + 1) % 3 });
    for (const name of names) await pair.handIn(name);
    await moved;

    await Promise.all(names.map((name) => runs.until(name, 1)));
    expect(runs.overlaps).toBe(0);
  });

  test('a primary dies, its replica takes over, and all learn that something may be lost', async () => {
    const holder = await cluster.holderOf(root);
    const runs = new Runs(pair.state, () => done);
    await pair.handIn('before');
    await runs.until('before', 1);

    await cluster.nodes[holder]?.kill();
    await pair.handIn('after');

    await runs.until('after', 1);
    await pair.untilBothLearnt();
    expect(pair.losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
    expect(await cluster.holderOf(root)).toBeGreaterThan(2);
  });
});

/** The node that holds our keys. */
async function holderOf({ nodes, holderOf }: RedisCluster): Promise<RedisPeer> {
  const holder = nodes[await holderOf(root)];
  if (holder === undefined) throw new Error('nobody holds our slot');
  return holder;
}

/** Moves our slot with all its keys from one primary to another, as `redis-cli --cluster reshard` does. */
async function moveSlot({ nodes }: RedisCluster, { from, to }: { from: number; to: number }): Promise<void> {
  const [source, target] = [nodes[from], nodes[to]].map((node) => node?.admin());
  if (!source || !target) throw new Error('no such node');
  const others = nodes.slice(0, 3).map((node) => node.admin());
  const slot = (await source.call('CLUSTER', 'KEYSLOT', root)) as number;
  const [sourceId, targetId] = (await Promise.all([source, target].map((node) => node.call('CLUSTER', 'MYID')))) as [
    string,
    string,
  ];
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
  for (;;) {
    const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 5)) as string[];
    if (keys.length === 0) break;
    await source.call('MIGRATE', '127.0.0.1', String(nodes[to]?.port), '', 0, 1000, 'KEYS', ...keys);
  }
  await target.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
  for (const node of others) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
  for (const client of [source, target, ...others]) client.disconnect();
}
