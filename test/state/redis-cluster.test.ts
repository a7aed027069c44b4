import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { State, StateLoss, WebhookState } from '../../src/state/contract.ts';
import { accessRules } from '../../src/state/redis/access.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisCluster, startRedisCluster } from '../peers/start-redis-group.ts';
import { describeState } from './conformance.ts';
import { redisState, redisWebhookState } from './redis-world.ts';
import { done, pathJob, Runs } from './runs.ts';

const prefix = 'vss';
const { root } = keysOf(prefix);

describe('the state in a Redis Cluster, as two users with the least rights', () => {
  let cluster: RedisCluster;
  let admin: Redis;
  beforeAll(async () => {
    const rules = accessRules(prefix);
    cluster = await startRedisCluster({
      users: [
        'user default on nopass ~* &* +@all',
        `user webhook on >hook ${rules.webhook}`,
        `user operator on >oper ${rules.operator}`,
      ],
    });
    admin = new Redis(cluster.nodes[await cluster.holderOf(root)]?.port ?? 0);
  }, 30_000);
  afterAll(async () => {
    admin.disconnect();
    await cluster.stop();
  });

  describeState(async () => {
    await admin.flushall();
    const place = { cluster: { nodes: cluster.addresses, tls: false, root } };
    const state = redisState({ ...place, prefix, credentials: () => ({ username: 'operator', password: 'oper' }) });
    const webhook = redisWebhookState({
      ...place,
      prefix,
      credentials: () => ({ username: 'webhook', password: 'hook' }),
    });
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to connect' });
    return {
      state,
      webhook,
      async close() {
        await webhook.close();
        await state.close();
      },
    };
  });

  test('and nothing that was tried was refused, on no node', async () => {
    const logs = await Promise.all(
      cluster.nodes.map(async ({ port }) => {
        const client = new Redis(port);
        const log = await client.call('ACL', 'LOG');
        client.disconnect();
        return log;
      }),
    );

    expect(logs).toEqual([[], [], []]);
  });
});

describe('a Redis Cluster that changes', () => {
  let cluster: RedisCluster;
  let state: State;
  let webhook: WebhookState;
  let losses: StateLoss[];
  beforeAll(async () => {
    cluster = await startRedisCluster({ withReplicas: true });
  }, 30_000);
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    const place = {
      prefix,
      cluster: { nodes: cluster.addresses, tls: false, root },
      deadlineMs: 800,
      lookEveryMs: 300,
    };
    state = redisState(place);
    webhook = redisWebhookState(place);
    losses = [];
    state.watch.whenLost((loss) => losses.push(loss));
    await eventually(() => Promise.all([state.ping(), webhook.ping()]), { what: 'both to connect' });
  });
  afterEach(() => Promise.all([webhook.close(), state.close()]));

  /** Hands a job in until it is taken, as a sender that hears 503 does. */
  const handIn = (name: string) =>
    eventually(() => webhook.inbox.add([{ job: pathJob(name) }]).then(() => true), {
      what: `${name} to be taken`,
      every: 100,
    });

  test('what was taken moves with its slot to another node, and is run there', async () => {
    await handIn('before');
    const from = await cluster.holderOf(root);
    await moveSlot(cluster, { from, to: (from + 1) % 3 });
    await handIn('after');
    const runs = new Runs(state, () => done);

    await Promise.all([runs.until('before', 1), runs.until('after', 1)]);
    await eventually(() => losses.length > 0, { what: 'the other server to be noticed' });

    expect(await cluster.holderOf(root)).not.toBe(from);
    expect(losses).toEqual(['another server']);
  });

  test('while a slot moves, what is not taken is refused, and what is taken runs', async () => {
    const from = await cluster.holderOf(root);
    const runs = new Runs(state, () => done, 5);
    const names = Array.from({ length: 40 }, (_, index) => `job ${index}`);

    const moved = moveSlot(cluster, { from, to: (from + 1) % 3 });
    for (const name of names) await handIn(name);
    await moved;

    await Promise.all(names.map((name) => runs.until(name, 1)));
    expect(runs.overlaps).toBe(0);
  });

  test('a primary dies, its replica takes over, and all learn that something may be lost', async () => {
    const holder = await cluster.holderOf(root);
    const runs = new Runs(state, () => done);
    await handIn('before');
    await runs.until('before', 1);

    await cluster.nodes[holder]?.kill();
    await handIn('after');

    await runs.until('after', 1);
    await eventually(() => losses.length > 0, { what: 'the loss to be told' });
    expect(losses[0]).toBe('another server');
    expect(await cluster.holderOf(root)).toBeGreaterThan(2);
  });
});

/** Moves our slot with all its keys from one primary to another, as `redis-cli --cluster reshard` does. */
async function moveSlot({ nodes }: RedisCluster, { from, to }: { from: number; to: number }): Promise<void> {
  const [source, target] = [nodes[from], nodes[to]].map((node) => new Redis(node?.port ?? 0));
  if (!source || !target) throw new Error('no such node');
  const others = nodes.slice(0, 3).map(({ port }) => new Redis(port));
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
