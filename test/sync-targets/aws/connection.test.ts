import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type Server as PlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { neverIdle } from '../../peers/forward.ts';
import { eventually } from '../../peers/processes.ts';
import { createContext, createManualClock } from '../conformance/under-test.ts';

const tls = new URL('../../stand-ins/azure-key-vault/tls/', import.meta.url);
const readPem = (file: string) => readFileSync(new URL(file, tls), 'utf8');
const roleArn = 'arn:aws:iam::123456789012:role/writer';
const page = readFileSync(new URL('../../../docs/reference/stores/aws.md', import.meta.url), 'utf8');

describe('the connection to AWS', () => {
  /** Nobody gives up. */
  const { signal } = new AbortController();
  let server: Server;
  let handshakes: number;
  let assumed: URLSearchParams[];
  let refuseCredentials: boolean;
  /** How much of an answer comes before nothing more does. */
  let silence: 'before the head' | 'within the head' | 'within the body' | null;
  /** Answers that ended in silence. */
  let silent: number;
  let connections: Set<Socket>;
  let targets: Target[];

  const addressOf = (one: Server | PlainServer): string => {
    const address = one.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    return `127.0.0.1:${address.port}`;
  };
  const open = (settings: Partial<AwsSettings>, destination: AwsDestination = {}): Target => {
    const address = `https://${addressOf(server)}`;
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const all = { endpoint: address, stsEndpoint: address, region: 'eu-west-1', credentials, ...settings };
    const context = createContext({ settings: all, clock: createManualClock(0), errors: [] });
    const target = aws.open({ aws: destination }, context);
    targets.push(target);
    return target;
  };

  beforeEach(async () => {
    handshakes = 0;
    assumed = [];
    refuseCredentials = false;
    silence = null;
    silent = 0;
    connections = new Set();
    targets = [];
    server = createServer(
      { ...neverIdle, cert: readPem('server.pem'), key: readPem('server-key.pem') },
      async (request, response) => {
        const body = (await Array.fromAsync(request)).join('');
        if (request.headers['x-amz-target'] === undefined) {
          assumed.push(new URLSearchParams(body));
          response.writeHead(200, { 'content-type': 'text/xml' }).end(assumedRole(`key-${assumed.length}`));
          return;
        }
        const fallSilent = () => {
          silent += 1;
        };
        if (silence === 'before the head') return fallSilent();
        if (silence === 'within the head')
          return void request.socket.write('HTTP/1.1 200 OK\r\nContent-Type: appli', fallSilent);
        if (silence === 'within the body') {
          response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': '100' });
          return void response.write('{"Name": "', fallSilent);
        }
        const error = refuseCredentials
          ? { __type: 'ExpiredTokenException', message: 'expired' }
          : { __type: 'ResourceNotFoundException', message: 'none' };
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(error));
      },
    );
    server.on('secureConnection', (socket) => {
      handshakes += 1;
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });

  afterEach(async () => {
    for (const target of targets) await target.close?.();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  test('serves a hundred calls with one TLS handshake', async () => {
    const { describe: look } = open({ caPem: readPem('ca.pem') });

    const found = new Set<unknown>();
    for (let call = 1; call <= 100; call += 1) found.add(await look(`secret-${call}`, signal));

    expect(found).toEqual(new Set([null]));
    expect(handshakes).toBe(1);
  });

  test.each(['before the head', 'within the head', 'within the body'] as const)(
    'is closed when a call is given up to which AWS falls silent %s, and the next call gets another one',
    async (moment) => {
      const target = open({ caPem: readPem('ca.pem') });
      await target.describe('warm', signal);
      silence = moment;
      const giveUp = new AbortController();

      const describing = expect(target.describe('silent', giveUp.signal)).rejects.toMatchObject({ remedy: 'Retry' });
      await eventually(() => silent === 1, { what: 'the call to arrive' });
      const before = performance.now();
      giveUp.abort();
      await describing;
      const took = performance.now() - before;
      await eventually(() => connections.size === 0, { what: 'the connection to be closed' });
      silence = null;

      expect(await target.describe('another', signal)).toBeNull();
      // By the signal, not by a time limit of its own.
      expect(took).toBeLessThan(12_000);
      expect(handshakes).toBe(2);
    },
  );

  test('is refused to an endpoint whose CA is not trusted', async () => {
    const refusal = open({}).describe('any', signal);

    await expect(refusal).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'CertificateRefused',
      message: expect.stringContaining('set stores.aws.caPem'),
    });
  });

  test('tells STS the external id of the role and the session tags of the operator', async () => {
    const settings = { caPem: readPem('ca.pem'), sessionTags: ['installation=test', 'note=a=b'] };
    const target = open(settings, { roleArn, externalId: 'team-a' });

    await target.describe('any', signal);

    expect(Object.fromEntries(assumed[0] ?? [])).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: roleArn,
      RoleSessionName: 'vault-secret-sync',
      ExternalId: 'team-a',
      'Tags.member.1.Key': 'installation',
      'Tags.member.1.Value': 'test',
      'Tags.member.2.Key': 'note',
      'Tags.member.2.Value': 'a=b',
    });
  });

  test('tells STS neither where there is neither', async () => {
    await open({ caPem: readPem('ca.pem') }, { roleArn }).describe('any', signal);

    expect([...(assumed[0]?.keys() ?? [])].filter((key) => /^(ExternalId|Tags)/.test(key))).toEqual([]);
  });

  test.each([
    { sessionTags: ['installation=test'], needed: ['sts:AssumeRole', 'sts:TagSession'] },
    { sessionTags: [], needed: ['sts:AssumeRole'] },
  ])('asks STS for nothing but what the reference names: $needed', async ({ sessionTags, needed }) => {
    await open({ caPem: readPem('ca.pem'), sessionTags }, { roleArn, externalId: 'team-a' }).describe('any', signal);

    const asked = assumed.flatMap((form) => [
      `sts:${form.get('Action')}`,
      ...([...form.keys()].some((key) => key.startsWith('Tags.')) ? ['sts:TagSession'] : []),
    ]);
    expect(asked).toEqual(needed);
    expect(page).toContain('"Action": ["sts:AssumeRole", "sts:TagSession"],\n      "Resource": "arn:aws:iam::');
  });

  test('asks for a role once for many calls, and anew when AWS refuses what it got', async () => {
    const target = open({ caPem: readPem('ca.pem') }, { roleArn });
    await target.describe('one', signal);
    await target.describe('two', signal);
    const before = assumed.length;
    refuseCredentials = true;
    await expect(target.describe('three', signal)).rejects.toMatchObject({ reason: 'CredentialsRefused' });
    refuseCredentials = false;

    await target.describe('four', signal);

    expect([before, assumed.length]).toEqual([1, 2]);
    expect(handshakes).toBe(1);
  });

  test('goes through a proxy', async () => {
    const asked: string[] = [];
    const proxy = await startProxy(asked, (client) => {
      const [host = '', port] = addressOf(server).split(':');
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    const target = open({ caPem: readPem('ca.pem'), proxy: `http://${addressOf(proxy)}` });

    const found = await target.describe('any', signal);
    await target.close?.();
    proxy.close();
    await once(proxy, 'close');

    expect(found).toBeNull();
    expect(asked).toEqual([addressOf(server)]);
  });

  test.each<[Partial<AwsSettings>, string]>([
    [{ region: 'us-east-1' }, 'secretsmanager.us-east-1.amazonaws.com'],
    [{ region: 'us-east-1', useFips: true }, 'secretsmanager-fips.us-east-1.amazonaws.com'],
    // In these regions the same host speaks IPv6.
    [{ region: 'us-east-1', useDualstack: true }, 'secretsmanager.us-east-1.amazonaws.com'],
    [{ region: 'us-gov-west-1', useFips: true, useDualstack: true }, 'secretsmanager-fips.us-gov-west-1.amazonaws.com'],
    [{ region: 'cn-north-1' }, 'secretsmanager.cn-north-1.amazonaws.com.cn'],
    [{ region: 'eusc-de-east-1' }, 'secretsmanager.eusc-de-east-1.amazonaws.eu'],
    [{ region: 'eu-west-1', endpoint: 'https://vpce-{region}.example.com' }, 'vpce-eu-west-1.example.com'],
  ])('asks the endpoint that %j leads to', async (settings, host) => {
    const asked: string[] = [];
    const proxy = await startProxy(asked, (client) => client.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const all = { ...settings, credentials, proxy: `http://${addressOf(proxy)}` };
    const target = aws.open({ aws: {} }, createContext({ settings: all, clock: createManualClock(0), errors: [] }));

    await expect(target.describe('any', signal)).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'ProxyRefused' });
    await target.close?.();
    proxy.close();
    await once(proxy, 'close');

    expect(asked).toEqual([`${host}:443`]);
  });

  test('says which settings do not go together', async () => {
    const refusal = open({ useFips: true }).describe('any', signal);

    await expect(refusal).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'EndpointInvalid' });
  });

  test('is shared by destinations that name the same role and the same external id only', () => {
    const keys = [
      {},
      { roleArn },
      { roleArn, externalId: 'one' },
      { roleArn, externalId: 'two' },
      { roleArn, region: 'us-east-1' },
    ].map((destination) => aws.keyOf({ aws: destination }));

    expect(new Set(keys).size).toBe(keys.length);
    expect(aws.keyOf({ aws: { roleArn, externalId: 'one', name: 'x', tags: {} } })).toBe(keys[2]);
  });
});

function assumedRole(accessKeyId: string): string {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const credentials = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken><Expiration>${expiration}</Expiration>`;
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>`;
}

/** A proxy that notes where it is asked to lead. */
async function startProxy(asked: string[], lead: (client: Duplex) => void): Promise<PlainServer> {
  const proxy = createPlainServer();
  proxy.on('connect', (request, client) => {
    asked.push(request.url ?? '');
    lead(client);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return proxy;
}
