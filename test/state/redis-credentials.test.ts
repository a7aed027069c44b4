import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { composeState, type States } from '../../src/cli/compose/state.ts';
import { loadSettings } from '../../src/config/load.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually, makePeerFolder, removeFolder } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { type Authority, createAuthority } from '../webhook/authority.ts';

let folder: string;
let redis: RedisPeer;
let states: States | undefined;
let logged: string[];
beforeEach(async () => {
  folder = await makePeerFolder('redis-credentials');
  states = undefined;
  logged = [];
});
afterEach(async () => {
  await states?.close();
  await redis.stop();
  await removeFolder(folder);
});

/** Writes a file and says where it is. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function open(state: object): Promise<void> {
  const text = JSON.stringify({
    state,
    vaults: [{ name: 'main', address: 'https://vault.example.com', auth: { tokenFile: '/token' } }],
    webhook: { tokens: [{ tokenFile: '/webhook-token' }] },
  });
  const settings = loadSettings({ file: { name: 'settings.yaml', text }, env: {}, flags: {} });
  const destination = { write: (line: string) => void logged.push(line) };
  states = await composeState(settings, createLogger({ level: 'debug', destination }), { deadlineMs: 3_000 });
}

const ping = () => states?.operator?.ping().then(() => true);
const refusal = () =>
  states?.operator?.ping().then(
    () => null,
    (error: unknown) => error,
  );

describe('a password in a file', () => {
  test('that is rotated serves from the next connection on, for every connection, without a restart', async () => {
    redis = await startRedis({
      users: ['user default off', 'user vss on >first ~* &* +@all', 'user root on >r ~* &* +@all'],
    });
    const admin = new Redis(redis.port, { username: 'root', password: 'r' });
    const passwordFile = file('password', 'first\n');
    await open({ redis: `redis://127.0.0.1:${redis.port}`, usernameFile: file('username', 'vss\n'), passwordFile });
    let runs = 0;
    states?.operator?.jobs.consume({
      concurrency: 1,
      async run() {
        runs += 1;
        return { outcome: 'done' };
      },
    });
    await eventually(ping, { what: 'the first password to serve' });

    await admin.call('ACL', 'SETUSER', 'vss', 'resetpass', '>second');
    await admin.call('CLIENT', 'KILL', 'USER', 'vss');
    const refused = String(await refusal());
    file('password', 'second\n');
    await eventually(ping, { what: 'the second password to serve' });
    await eventually(() => states?.webhook?.inbox.add([{ job: { kind: 'sync', sync: 'team/a' } }]).then(() => true), {
      what: 'the webhook to be back',
    });
    await eventually(() => runs > 0, { what: 'the worker to be back' });
    admin.disconnect();

    expect(refused).toMatch(/Redis at 127\.0\.0\.1:\d+ did not answer/);
    expect(logged.join('')).not.toMatch(/first|second/);
  });

  test('that is missing is told at the start', async () => {
    redis = await startRedis();
    const passwordFile = join(folder, 'nothing');

    const error = await open({ redis: redis.url, passwordFile }).catch((thrown: unknown) => thrown);

    expect(String(error)).toMatch(/state\.passwordFile: the file .* cannot be read \(ENOENT\)/);
  });
});

describe('TLS', () => {
  let authority: Authority;
  let ca: string;
  beforeEach(() => {
    authority = createAuthority('Redis authority');
    ca = file('ca.pem', authority.cert);
  });

  const startWith = async (options: { asksForCertificate: boolean; dnsNames?: string[] }) => {
    const { dnsNames = ['redis.example.com'], asksForCertificate } = options;
    const issued = authority.issue({ commonName: 'redis', dnsNames });
    const [cert, key] = [file('redis.crt', issued.cert), file('redis.key', issued.key)];
    redis = await startRedis({ tls: { ca, cert, key, asksForCertificate } });
  };
  const client = () => {
    const issued = authority.issue({ commonName: 'vss' });
    return { certFile: file('own.crt', issued.cert), keyFile: file('own.key', issued.key) };
  };
  const serverName = 'redis.example.com';

  test('trusts the authority that is named, by the name that is asked for', async () => {
    await startWith({ asksForCertificate: false });

    await open({ redis: redis.url, caFile: ca, serverName });

    await eventually(ping, { what: 'it to connect' });
  });

  test('trusts nobody else', async () => {
    await startWith({ asksForCertificate: false });

    await open({ redis: redis.url, serverName });
    await eventually(() => /Redis is away/.test(logged.join('')), { what: 'it to say so' });

    expect(String(await refusal())).toMatch(/did not answer/);
    expect(logged.join('')).toMatch(/UNABLE_TO|CERT|SIGNATURE/i);
  });

  test('refuses a server that bears another name', async () => {
    await startWith({ asksForCertificate: false, dnsNames: ['other.example.com'] });

    await open({ redis: redis.url, caFile: ca, serverName });
    await eventually(() => /Redis is away/.test(logged.join('')), { what: 'it to say so' });

    expect(logged.join('')).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('shows our own certificate where Redis asks for one', async () => {
    await startWith({ asksForCertificate: true });

    await open({ redis: redis.url, caFile: ca, serverName, ...client() });

    await eventually(ping, { what: 'it to connect' });
  });

  test('is refused without one, and connects once the right one is in the file', async () => {
    await startWith({ asksForCertificate: true });
    const stranger = createAuthority('somebody else').issue({ commonName: 'vss' });
    const [certFile, keyFile] = [file('own.crt', stranger.cert), file('own.key', stranger.key)];
    await open({ redis: redis.url, caFile: ca, serverName, certFile, keyFile });
    await eventually(() => /Redis is away/.test(logged.join('')), { what: 'the stranger to be refused' });

    client();

    await eventually(ping, { what: 'it to connect' });
  });
});
