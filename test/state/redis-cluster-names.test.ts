import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { redisServerOf } from '../../src/cli/compose/redis-server.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually, makePeerFolder, removeFolder } from '../peers/processes.ts';
import type { RedisTls } from '../peers/start-redis.ts';
import { type RedisCluster, startRedisCluster } from '../peers/start-redis-group.ts';
import { tlsSettings, writeCertificates } from './redis-tls.ts';
import { redisState } from './redis-world.ts';

const prefix = 'vss';

/** The nodes bear names and no addresses, as they do where addresses come and go. */
describe('a Redis Cluster whose certificates bear names', () => {
  let folder: string;
  let cluster: RedisCluster;
  let tls: RedisTls;
  beforeAll(async () => {
    folder = await makePeerFolder('redis-cluster-names');
    tls = writeCertificates(folder, { dnsNames: ['localhost', 'redis.example.com'] });
    cluster = await startRedisCluster({ tls });
  });
  afterAll(async () => {
    await cluster.stop();
    await removeFolder(folder);
  });

  /** How each node is called, and whether clients are told the name or the address; waits until all have heard of all. */
  async function announce(hostname: string, told: 'ip' | 'hostname'): Promise<void> {
    const admins = cluster.nodes.map((node) => node.admin());
    const set = ['cluster-announce-hostname', hostname, 'cluster-preferred-endpoint-type', told];
    await Promise.all(admins.map((admin) => admin.call('CONFIG', 'SET', ...set)));
    const hasHeard = async (admin: Redis) => {
      const answer = JSON.stringify(await admin.call('CLUSTER', 'SLOTS'));
      return hostname === '' ? !answer.includes('"hostname"') : answer.split(`"${hostname}"`).length === 4;
    };
    await eventually(async () => (await Promise.all(admins.map(hasHeard))).every(Boolean), { what: 'the names' });
    for (const admin of admins) admin.disconnect();
  }

  /** Connects by the host that the nodes have in the settings: `connected`, or what the log says. */
  async function connectBy(host: string, more: Record<string, string> = {}): Promise<string> {
    const nodes = cluster.nodes.map(({ port }) => `${host}:${port}`);
    const settings = { prefix, cluster: { nodes, tls: true }, ...tlsSettings(tls), ...more };
    const logged: string[] = [];
    const log = createLogger({ level: 'warn', destination: { write: (line: string) => void logged.push(line) } });
    const state = redisState({ prefix, log, ...(await redisServerOf(settings, log)) });
    const ping = () => state.ping().then(() => 'connected');
    const answer = await eventually(() => logged[0] ?? ping(), { what: 'it to connect, or to say why not' });
    await state.close();
    return answer;
  }

  test.each([
    ['the address, with the name beside it', 'localhost', 'ip'],
    ['the name', 'localhost', 'hostname'],
  ] as const)('that tells %s is known by that name', async (_, hostname, told) => {
    await announce(hostname, told);

    expect(await connectBy('localhost')).toBe('connected');
  });

  test('is known by its address as well, where a certificate bears that and not the name', async () => {
    await announce('elsewhere.example.com', 'ip');
    const byAddress = writeCertificates(await mkdtemp(join(folder, 'by-address-')), { addresses: ['127.0.0.1'] });
    const admins = cluster.nodes.map((node) => node.admin());
    const show = ({ ca, cert, key }: RedisTls) =>
      Promise.all(
        admins.map((admin) =>
          admin.call('CONFIG', 'SET', 'tls-ca-cert-file', ca, 'tls-cert-file', cert, 'tls-key-file', key),
        ),
      );

    await show(byAddress);
    const answer = await connectBy('127.0.0.1', tlsSettings(byAddress));
    await show(tls);
    for (const admin of admins) admin.disconnect();

    expect(answer).toBe('connected');
  });

  test('is refused where it tells a name that the certificate does not bear', async () => {
    await announce('elsewhere.example.com', 'ip');

    expect(await connectBy('localhost')).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('is refused where it tells addresses alone, unless the settings say the name', async () => {
    await announce('', 'ip');

    const refused = await connectBy('localhost');
    const named = await connectBy('127.0.0.1', { serverName: 'redis.example.com' });

    expect(refused).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
    expect(named).toBe('connected');
  });
});
