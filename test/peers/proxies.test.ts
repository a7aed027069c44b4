import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import type { LoopbackServer } from './forward.ts';
import { routeInNamespace, startNamespaceProxy } from './namespace-proxy.ts';
import { eventually } from './processes.ts';
import { startVault, type VaultPeer } from './start-vault.ts';

describe('the fault proxy', () => {
  async function withProxy(work: (proxy: FaultProxy, served: string[]) => Promise<void>): Promise<void> {
    const served: string[] = [];
    const upstream = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      served.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`);
      response.writeHead(201, { 'x-version': '7' }).end('done');
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as { port: number };
    const proxy = await startFaultProxy({ upstream: `http://127.0.0.1:${port}` });
    try {
      await work(proxy, served);
    } finally {
      await proxy.stop();
      upstream.close();
      upstream.closeAllConnections();
    }
  }

  test('hands everything on and remembers the request, but not its body', () =>
    withProxy(async (proxy, served) => {
      const headers = { 'x-amz-target': 'secretsmanager.PutSecretValue' };
      const answer = await fetch(`${proxy.url}/a?b=c`, { method: 'POST', headers, body: 'hidden' });

      expect([answer.status, answer.headers.get('x-version'), await answer.text()]).toEqual([201, '7', 'done']);
      expect(served).toEqual(['POST /a?b=c hidden']);
      const target = 'secretsmanager.PutSecretValue';
      expect(proxy.requests).toEqual([{ method: 'POST', path: '/a?b=c', target, status: 201, fault: undefined }]);
      expect(JSON.stringify(proxy.requests)).not.toContain('hidden');
    }));

  test('throttles as AWS does, as often as it was told, and only what was meant', () =>
    withProxy(async (proxy, served) => {
      proxy.inject({ fault: { kind: 'throttle' }, times: 1, when: ({ method }) => method === 'POST' });

      const get = await fetch(proxy.url);
      const throttled = await fetch(proxy.url, { method: 'POST', body: 'x' });
      const again = await fetch(proxy.url, { method: 'POST', body: 'x' });

      expect([get.status, throttled.status, again.status]).toEqual([201, 400, 201]);
      expect(await throttled.json()).toMatchObject({ __type: 'ThrottlingException' });
      expect(served).toHaveLength(2);
      expect(proxy.count(({ fault }) => fault === 'throttle')).toBe(1);
    }));

  test('answers any status in the place of the server', () =>
    withProxy(async (proxy, served) => {
      proxy.inject({ fault: { kind: 'status', status: 503, body: { errors: [] }, headers: { 'retry-after': '2' } } });

      const answer = await fetch(proxy.url);

      expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
        503,
        '2',
        { errors: [] },
      ]);
      expect(served).toEqual([]);
    }));

  test('loses the answer after the server has done its work', () =>
    withProxy(async (proxy, served) => {
      proxy.inject({ fault: { kind: 'lose-answer' } });

      await expect(fetch(proxy.url, { method: 'POST', body: 'x' })).rejects.toThrow();

      expect(served).toEqual(['POST / x']);
    }));

  test('breaks the connection before the server hears of the request', () =>
    withProxy(async (proxy, served) => {
      proxy.inject({ fault: { kind: 'disconnect' } });

      await expect(fetch(proxy.url)).rejects.toThrow();

      expect(served).toEqual([]);
    }));

  test('lets a request hang until it is cleared, and works again after that', () =>
    withProxy(async (proxy, served) => {
      proxy.inject({ fault: { kind: 'hang' } });
      const hanging = fetch(proxy.url).then(
        () => 'answered',
        () => 'broken',
      );
      await eventually(() => proxy.count() === 1, { what: 'the request at the proxy' });

      proxy.clear();
      const after = await fetch(proxy.url);

      expect(await hanging).toBe('broken');
      expect(after.status).toBe(201);
      expect(served).toHaveLength(1);
    }));

  test('delays a request and then sends it on', () =>
    withProxy(async (proxy) => {
      proxy.inject({ fault: { kind: 'delay', ms: 60 } });
      const start = performance.now();

      const answer = await fetch(proxy.url);

      expect(answer.status).toBe(201);
      expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    }));

  test('breaks the connection where the server is away', async () => {
    const proxy = await startFaultProxy({ upstream: 'http://127.0.0.1:1' });

    await expect(fetch(proxy.url)).rejects.toThrow();

    await proxy.stop();
  });
});

/** What these tests look at in Vault's answers. */
interface Shown {
  data: { path: string; uuid: string; secret: Record<string, unknown> };
  errors: string[];
}

describe('the namespace proxy', () => {
  let vault: VaultPeer;
  let proxy: LoopbackServer;

  beforeAll(async () => {
    vault = await startVault({ mounts: { 'team-a/secret': 2, 'team-a/old': 1 } });
    proxy = await startNamespaceProxy({ upstream: vault.address, namespaces: ['team-a'] });
  });

  afterAll(async () => {
    await proxy.stop();
    await vault.stop();
  });

  async function ask(path: string, namespace: string, init: { method?: string; body?: unknown } = {}) {
    const headers = { 'X-Vault-Token': vault.token, 'X-Vault-Namespace': namespace };
    const body = init.body === undefined ? null : JSON.stringify(init.body);
    const answer = await fetch(`${proxy.url}/v1/${path}`, { method: init.method ?? 'GET', headers, body });
    return { status: answer.status, body: (await answer.json()) as Shown };
  }

  test('keeps the secrets of a namespace apart from those of the root', async () => {
    await ask('secret/data/db', 'team-a/', { method: 'POST', body: { data: { of: 'team-a' } } });
    await ask('secret/data/db', '', { method: 'POST', body: { data: { of: 'the root' } } });

    const inside = await ask('secret/data/db', 'team-a');
    const atRoot = await ask('secret/data/db', 'root');

    expect(inside.body).toMatchObject({ data: { data: { of: 'team-a' } } });
    expect(atRoot.body).toMatchObject({ data: { data: { of: 'the root' } } });
  });

  test('hands a secret that looks like a description of a mount through as it is', async () => {
    const secret = { path: 'team-a/secret/', secret: { 'team-b/': 'x' } };
    await vault.api('PUT', 'team-a/old/odd', secret);

    const read = await ask('old/odd', 'team-a');

    expect(read.body).toMatchObject({ data: secret });
  });

  test('shows the mounts of the namespace, without the prefix', async () => {
    const one = await ask('sys/internal/ui/mounts/secret/db', 'team-a');
    const all = await ask('sys/internal/ui/mounts', 'team-a');
    const atRoot = await vault.api('GET', 'sys/internal/ui/mounts/secret');

    expect(one.body.data).toMatchObject({ path: 'secret/', type: 'kv' });
    expect(Object.keys(all.body.data.secret).sort()).toEqual(['old/', 'secret/']);
    expect(atRoot.body).not.toMatchObject({ data: { uuid: one.body.data.uuid } });
  });

  test('shares logins and tokens between the root and the namespace', async () => {
    const self = await ask('auth/token/lookup-self', 'team-a');

    expect(self.body).toMatchObject({ data: { id: vault.token } });
  });

  test('finds no route in a namespace that it does not know', async () => {
    const answer = await ask('secret/data/db', 'team-z');

    const sentence = 'no handler for route "team-z/secret/data/db". route entry not found.';
    expect(answer).toEqual({ status: 404, body: { errors: [sentence] } });
  });

  test('names a missing mount as it is called inside the namespace', async () => {
    const answer = await ask('nothing/data/db', 'team-a');

    expect(answer.status).toBe(404);
    expect(answer.body.errors[0]).toContain('no handler for route "nothing/data/db"');
  });

  test('never leaves the prefix of a known namespace on the way to a mount', () => {
    const segment = fc.stringMatching(/^[a-z]{1,6}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean(), (segments, withQuery) => {
        const path = segments.join('/');
        const route = routeInNamespace(`/v1/${path}${withQuery ? '?version=2' : ''}`, 'team-a', ['team-a']);
        const sharedByAll = /^(auth|sys)\//.test(path);
        return sharedByAll || route.path === `/v1/team-a/${path}${withQuery ? '?version=2' : ''}`;
      }),
      { seed: 3 },
    );
  });
});
