import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { redisServerOf } from '../../src/cli/compose/redis-server.ts';
import { eventually, makePeerFolder, removeFolder } from '../peers/processes.ts';
import { type RedisPeer, type RedisTls, startRedis } from '../peers/start-redis.ts';
import { type RedisSentinels, startRedisSentinels } from '../peers/start-redis-group.ts';
import { tlsSettings, writeCertificates } from './redis-tls.ts';
import { leastUsers, openPair, type Pair, redisState, silent } from './redis-world.ts';
import { done, Runs } from './runs.ts';

const prefix = 'vss';
/** Sentinels name addresses; all certificates bear this name. */
const serverName = 'redis.example.com';

/** As the settings say it. */
async function placeOf({ name, sentinels }: RedisSentinels, tls?: RedisTls) {
  const sentinel = { name, nodes: [...sentinels], tls: tls !== undefined, database: 2 };
  const secure = tls ? { ...tlsSettings(tls), serverName } : {};
  const server = await redisServerOf({ prefix, sentinel, ...secure }, silent);
  return { prefix, ...server };
}

async function primaryOf(group: RedisSentinels): Promise<RedisPeer> {
  const port = await group.primaryPort();
  const primary = group.servers.find((server) => server.port === port);
  if (primary === undefined) throw new Error('they name no primary');
  return primary;
}

describe.each([
  { name: 'Redis', make: 'Redis', secure: false },
  { name: 'Redis with TLS', make: 'Redis', secure: true },
  { name: 'Valkey', make: 'Valkey', secure: false },
] as const)('$name behind Sentinels, as two users with the least rights', ({ make, secure }) => {
  let folder: string;
  let group: RedisSentinels;
  let pair: Pair;
  let tls: RedisTls | undefined;
  beforeAll(async () => {
    folder = await makePeerFolder('redis-sentinel');
    tls = secure ? writeCertificates(folder, { dnsNames: [serverName] }) : undefined;
    group = await startRedisSentinels({ make, users: leastUsers(prefix), ...(tls ? { tls } : {}) });
  });
  afterAll(async () => {
    await group.stop();
    await removeFolder(folder);
  });
  beforeEach(async () => {
    pair = await openPair(await placeOf(group, tls), { asLeastUsers: true });
  });
  afterEach(() => pair.close());

  test('the primary that they name takes the jobs, in the database that was asked for', async () => {
    const runs = new Runs(pair.state, () => done);

    await pair.handIn('a');
    await runs.until('a', 1);

    const admin = (await primaryOf(group)).admin();
    const keyspace = await admin.info('keyspace');
    const refused = await admin.call('ACL', 'LOG');
    admin.disconnect();
    expect(keyspace).toMatch(/db2:/);
    expect(keyspace).not.toMatch(/db0:/);
    expect(refused).toEqual([]);
  });

  test('the primary dies: the next one takes over, and webhook and operator learn that the last changes may be lost', async () => {
    const runs = new Runs(pair.state, () => done);
    await pair.handIn('before');
    await runs.until('before', 1);
    const first = await primaryOf(group);

    await first.kill();
    await pair.handIn('after');

    await runs.until('after', 1);
    await pair.untilBothLearnt();
    expect(pair.losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
    expect(await group.primaryPort()).not.toBe(first.port);
  });
});

describe('Sentinels and servers that are cut off', () => {
  let group: RedisSentinels;
  beforeAll(async () => {
    group = await startRedisSentinels();
  });
  afterAll(() => group.stop());

  test('a change that only the dead primary knew is what webhook and operator are told about', async () => {
    const pair = await openPair(await placeOf(group), { asLeastUsers: false });
    const old = await primaryOf(group);
    const next = group.servers.filter((server) => server !== old);
    for (const server of next) await server.pause();
    const admin = old.admin();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
    admin.disconnect();
    await pair.handIn('known to one');
    const before = await pair.state.jobs.pending();

    await old.kill();
    for (const server of next) server.resume();
    await pair.untilBothLearnt();

    expect({ before, after: await pair.state.jobs.pending() }).toEqual({ before: 1, after: 0 });
    expect(pair.losses).toEqual({ operator: ['another server'], webhook: ['another server'] });
    await pair.close();
    await old.restart();
  });

  test('a Sentinel that was cut off and names another primary is outvoted', async () => {
    const stale = await startRedis();
    const cutOff = await startRedis({ sentinel: [`sentinel monitor ${group.name} 127.0.0.1 ${stale.port} 1`] });
    const sentinels = [`127.0.0.1:${cutOff.port}`, ...group.sentinels];
    const other = redisState(await placeOf({ ...group, sentinels }));
    await eventually(() => other.ping().then(() => true), { what: 'it to connect' });

    await other.ledger.remember('team/a', 'mount', 'the true one');

    const admin = stale.admin({ db: 2 });
    expect(await admin.dbsize()).toBe(0);
    admin.disconnect();
    await other.close();
    await Promise.all([cutOff.stop(), stale.stop()]);
  });

  test('while no Sentinel answers, whoever asks is told whom it asked', async () => {
    const lost = redisState({ ...(await placeOf({ ...group, sentinels: ['127.0.0.1:1'] })), deadlineMs: 800 });

    const refusal = await lost.ping().catch((error: unknown) => error);

    expect(String(refusal)).toMatch(/Redis at main \(Sentinels 127\.0\.0\.1:1\) did not answer/);
    await lost.close();
  });
});
