import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ResourceIdentity, Target } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import { eventually, findFreePort } from '../../peers/processes.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../stand-ins/gcp-secret-manager/start.ts';
import { createContext, createManualClock, desire } from '../conformance/under-test.ts';
import { project } from './under-test.ts';
import { owner, signal } from './world.ts';

const auth = { secretRef: { name: 'gcp-key' } };
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const key = JSON.stringify({
  type: 'service_account',
  client_email: 'w@p.iam.gserviceaccount.com',
  private_key: privateKey,
});

/** Signs its tokens itself, so that nothing but the store is asked. */
const identity: ResourceIdentity = {
  label: 'Secret team-a/gcp-key',
  token: async () => '',
  secretValue: async () => key,
};

let standIn: GcpSecretManager;
let opened: Target[] = [];
let proxies: Server[] = [];
let lastName = 0;

beforeAll(async () => {
  standIn = await startGcpSecretManager({ projects: [project] });
});
beforeEach(() => standIn.forgetRequests());
afterEach(async () => {
  await standIn.clearFaults();
  for (const target of opened) await target.close?.();
  for (const proxy of proxies) {
    proxy.close();
    proxy.closeAllConnections();
  }
  opened = [];
  proxies = [];
});
afterAll(() => standIn.stop());

function open(settings: Partial<GcpSettings>): Target {
  const context = createContext<GcpSettings>({
    settings: { endpoint: standIn.tlsEndpoint, caFile: standIn.caFile, insecure: false, ...settings },
    clock: createManualClock(Date.now()),
    errors: [],
  });
  const target = gcp.open({ gcp: { project: project.id, auth } }, { ...context, identity });
  opened.push(target);
  return target;
}

async function create(target: Target): Promise<void> {
  lastName += 1;
  const destination = { gcp: { project: project.id } };
  const desired = desire({ name: `sent-${lastName}`, value: 'x', owner, destination });
  await target.write(desired, { kind: 'absent' }, signal);
}

/** A proxy that tunnels, and keeps what it was asked. */
async function startProxy(): Promise<{ place: string; asked: { url: string; authorization: string }[] }> {
  const asked: { url: string; authorization: string }[] = [];
  const proxy = createServer();
  proxy.on('connect', ({ url = '', headers }: IncomingMessage, socket) => {
    asked.push({ url, authorization: headers['proxy-authorization'] ?? '' });
    const { hostname, port } = new URL(`http://${url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    socket.on('close', () => onward.destroy()).on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  proxies.push(proxy);
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return { place: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

describe.each(['grpc', 'rest'] as const)('over %s', (transport) => {
  test('many calls cost one TLS handshake', async () => {
    const target = open({ transport });
    const before = await standIn.handshakes();

    for (let count = 0; count < 10; count += 1) await create(target);

    expect((await standIn.requests()).length).toBe(20);
    expect((await standIn.handshakes()) - before).toBe(1);
  });

  test('an authority that is not trusted ends the call with its reason', async () => {
    const target = open({ transport, caFile: undefined });

    const looking = target.describe('any', signal);

    await expect(looking).rejects.toMatchObject({ remedy: 'Retry', reason: 'Unavailable', code: 'UNAVAILABLE' });
    expect(await standIn.requests()).toEqual([]);
  });

  test('a file of authorities that is missing is told, and looked for anew', async () => {
    const settings = { transport, caFile: '/no/such/file.pem' };

    const looking = open(settings).describe('any', signal);

    await expect(looking).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'NoCertificates', code: 'ENOENT' });
  });

  test('a proxy is asked for the endpoint, with what the setting has for it', async () => {
    const proxy = await startProxy();

    await create(open({ transport, proxy: `http://ada:secret%21@${proxy.place}` }));

    const authorization = `Basic ${Buffer.from('ada:secret!').toString('base64')}`;
    expect(proxy.asked).toEqual([{ url: standIn.tlsEndpoint, authorization }]);
    expect((await standIn.requests()).length).toBe(2);
  });

  test('a proxy that is not there is tried again', async () => {
    const target = open({ transport, proxy: `http://127.0.0.1:${await findFreePort()}` });

    await expect(target.describe('any', signal)).rejects.toMatchObject({ remedy: 'Retry', code: 'UNAVAILABLE' });
  });

  test('a call without an answer ends after the time limit, also for the store', async () => {
    const target = open({ transport, callTimeoutMs: 3_000 });
    await standIn.fault({ kind: 'hang', count: 1 });

    await expect(target.describe('any', signal)).rejects.toMatchObject({ remedy: 'Retry', code: 'DEADLINE_EXCEEDED' });

    await eventually(async () => (await standIn.requests()).some(({ status }) => status === 'CANCELLED'), {
      what: 'the store to see the caller go',
    });
    expect(await standIn.hanging()).toBe(0);
  });

  test('a call that is given up ends at once, also for the store', async () => {
    const target = open({ transport, callTimeoutMs: 600_000 });
    await standIn.fault({ kind: 'hang', count: 1 });
    const giveUp = new AbortController();

    const looking = target.describe('any', giveUp.signal);
    const failure = expect(looking).rejects.toMatchObject({ remedy: 'Retry', code: 'CANCELLED' });
    await eventually(async () => (await standIn.hanging()) === 1, { what: 'the call to arrive' });
    giveUp.abort();

    await failure;
    await eventually(async () => (await standIn.hanging()) === 0, { what: 'the store to see the caller go' });
  });
});

test('REST and gRPC share one port of the store, and each is spoken only where it is asked for', async () => {
  const plain = { insecure: true, caFile: undefined };
  const context = (settings: Partial<GcpSettings>) =>
    createContext<GcpSettings>({ settings: { ...plain, ...settings }, clock: createManualClock(0), errors: [] });
  const destination = { gcp: { project: project.id } };
  const rest = gcp.open(destination, context({ transport: 'rest', endpoint: standIn.restEndpoint }));
  const grpc = gcp.open(destination, context({ transport: 'grpc', endpoint: standIn.restEndpoint }));
  opened.push(rest, grpc);

  expect(await rest.describe('any', signal)).toBeNull();
  await expect(grpc.describe('any', signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
