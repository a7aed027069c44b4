import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type FaultProxy, startFaultProxy } from '../peers/fault-proxy.ts';
import { type LoopbackServer, listenOnLoopback } from '../peers/forward.ts';
import { eventually, findFreePort } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { calm, canary, collect, createReaders, listen, must } from './world.ts';

const ear = listen();
const readers = createReaders(ear);
let vault: VaultPeer;
let proxy: FaultProxy;

beforeAll(async () => {
  vault = await startVault();
  proxy = await startFaultProxy({ upstream: vault.address });
  await must(vault, 'POST', 'secret/data/app', { data: { user: canary } });
});
afterEach(async () => {
  proxy.clear();
  proxy.forget();
  await readers.closeAll();
});
afterAll(async () => {
  await proxy?.stop();
  await vault?.stop();
});

const app = { namespace: '', mount: 'secret', name: 'app' };

async function openWarm(requestMs = 10_000) {
  const { reader } = readers.open({ address: proxy.url, timeouts: { requestMs } });
  await reader.read(app, calm);
  proxy.forget();
  return reader;
}

describe('a Vault that does not answer', () => {
  test('is given up after the time limit', async () => {
    const reader = await openWarm(2_000);
    proxy.inject({ fault: { kind: 'hang' } });

    const reading = await ear.refusal(reader.read(app, calm));
    const listing = await ear.refusal(collect(reader.list({ ...app, prefix: '' }, calm)));

    expect(reading).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultTimeout' });
    expect(reading.message).toContain('within 2000 ms');
    expect(listing).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultTimeout' });
  });

  test('is given up when the caller aborts, which says nothing of Vault', async () => {
    const reader = await openWarm();
    proxy.inject({ fault: { kind: 'hang' } });
    const caller = new AbortController();

    const reading = ear.refusal(reader.read(app, caller.signal));
    await eventually(() => proxy.count() === 1, { what: 'the request' });
    caller.abort();

    expect(await reading).toMatchObject({ remedy: 'Retry', reason: 'Aborted' });
  });

  test('is not waited for once the reader is closed', async () => {
    const reader = await openWarm();
    proxy.inject({ fault: { kind: 'hang' } });

    const reading = ear.refusal(reader.read(app, calm));
    await eventually(() => proxy.count() === 1, { what: 'the request' });
    await reader.close();

    expect(await reading).toMatchObject({ remedy: 'Retry' });
    expect(await ear.refusal(reader.read(app, calm))).toMatchObject({ remedy: 'Retry' });
  });

  test('proves nothing when it breaks the connection or is not there', async () => {
    const reader = await openWarm();
    const nobody = readers.open({ address: `http://127.0.0.1:${await findFreePort()}` }).reader;
    proxy.inject({ fault: { kind: 'disconnect' }, times: 1 });

    const broken = await ear.refusal(reader.read(app, calm));
    const refused = await ear.refusal(nobody.read(app, calm));
    const after = await reader.read(app, calm);

    expect(broken).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultUnreachable' });
    expect(refused).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultUnreachable', code: 'ECONNREFUSED' });
    expect(after).toMatchObject({ found: true });
  });
});

describe('an answer in the place of Vault', () => {
  test.each([
    [429, undefined, 'RateLimited'],
    [472, undefined, 'SourceUnavailable'],
    [473, undefined, 'SourceUnavailable'],
    [412, { errors: [] }, 'SourceUnavailable'],
    [500, { errors: ['internal error'] }, 'SourceUnavailable'],
    [503, { errors: ['Vault is sealed'] }, 'SourceUnavailable'],
    [404, { errors: ['not here'] }, 'SourceUnavailable'],
    [404, 'nothing', 'SourceUnavailable'],
    [404, undefined, 'SourceUnavailable'],
    [200, undefined, 'SourceUnavailable'],
    [200, { data: { data: canary } }, 'SourceUnavailable'],
    [
      200,
      { data: { data: null, metadata: { version: 1, created_time: 'x', deletion_time: 'y' } } },
      'SourceUnavailable',
    ],
    [204, undefined, 'SourceUnavailable'],
  ] as const)('%i %j is neither a secret nor a proof that there is none: %s', async (status, body, remedy) => {
    const reader = await openWarm();
    proxy.inject({ fault: { kind: 'status', status, body, headers: { 'retry-after': '3' } }, times: 1 });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy });
    expect(refusal.retryAfterMs ?? 3000).toBe(3000);
    expect(await reader.read(app, calm)).toMatchObject({ found: true });
  });

  test('is not followed when it is a redirect', async () => {
    const reader = await openWarm();
    const headers = { location: `${vault.address}/v1/secret/data/app` };
    proxy.inject({ fault: { kind: 'status', status: 307, headers } });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultRedirects' });
    expect(proxy.count()).toBe(1);
  });

  test('has the mount looked at again after a refusal: a new version of it may be granted elsewhere', async () => {
    const reader = await openWarm();
    proxy.inject({ fault: { kind: 'status', status: 403, body: { errors: ['permission denied'] } }, times: 1 });

    const refusal = await ear.refusal(reader.read(app, calm));
    await reader.read(app, calm);

    expect(refusal).toMatchObject({ remedy: 'SlowRetry', reason: 'PermissionDenied' });
    expect(proxy.requests.map(({ path }) => path)).toEqual([
      '/v1/secret/data/app',
      '/v1/sys/internal/ui/mounts/secret',
      '/v1/secret/data/app',
    ]);
  });

  test('is no absence when the mount cannot be looked at just after it', async () => {
    const reader = await openWarm();
    proxy.inject({ fault: { kind: 'status', status: 503 }, when: ({ path }) => path.includes('/ui/mounts/') });

    const refusal = await ear.refusal(reader.read({ ...app, name: 'nothing' }, calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'VaultUnavailable' });
  });
});

describe('an answer that is not fit to read', () => {
  let server: LoopbackServer;
  let answerWith: (write: (text: string | Buffer) => void) => void;

  beforeAll(async () => {
    server = await listenOnLoopback((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      answerWith((text) => response.write(text));
      response.end();
    });
  });
  afterAll(() => server.stop());

  test('is refused when it is no JSON', async () => {
    answerWith = (write) => write(`{"data":{"password":"${canary}"`);
    const { reader } = readers.open({ address: server.url });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'AnswerUnclear' });
  });

  test('is refused when it is longer than anything Vault can hold', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    answerWith = (write) => {
      for (let i = 0; i < 33; i += 1) write(megabyte);
    };
    const { reader } = readers.open({ address: server.url });

    const refusal = await ear.refusal(reader.read(app, calm));

    expect(refusal).toMatchObject({ remedy: 'SourceUnavailable', reason: 'AnswerTooLarge' });
  });
});

describe('what is sent', () => {
  test('is one request a read, and the variables of the Vault command line change nothing', async () => {
    const variables = {
      VAULT_TOKEN: 'other',
      VAULT_NAMESPACE: 'elsewhere',
      VAULT_PREFIX: '/prefix',
      VAULT_ADDR: 'http://x',
    };
    Object.assign(process.env, variables);
    const reader = await openWarm();
    for (const name of Object.keys(variables)) delete process.env[name];

    await reader.read(app, calm);

    expect(proxy.requests).toMatchObject([{ method: 'GET', path: '/v1/secret/data/app', status: 200 }]);
  });

  test('keeps a path in the address', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(503).end();
    }).listen(0, '127.0.0.1');
    await eventually(() => server.listening, { what: 'the server' });
    const { port } = server.address() as { port: number };
    const { reader } = readers.open({ address: `http://127.0.0.1:${port}/behind/` });

    await ear.refusal(reader.check(calm));

    expect(seen).toEqual(['/behind/v1/auth/token/lookup-self']);
    server.close();
    server.closeAllConnections();
  });
});

test('an address that is none is refused without repeating what may be a password in it', () => {
  for (const address of ['vault:8200', 'ftp://vault', `https://user:${canary}@vault`, `https://vault/?${canary}`]) {
    expect(() => readers.open({ address })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(canary) }),
    );
  }
});

test('no value and no token was logged or thrown', () => {
  ear.expectNoSecretsIn([]);
});
