import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { CreateSecretCommand, DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from './processes.ts';
import { startKubernetes } from './start-kubernetes.ts';
import { startMoto } from './start-moto.ts';
import { startRedis } from './start-redis.ts';
import { startVault } from './start-vault.ts';

/** A first run may have to build what it tests. */
const minutes = 60_000;

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

describe('Vault', () => {
  test(
    'answers over HTTP and on the command line, on KV version 1 and 2, and is gone after stop',
    async () => {
      const vault = await startVault({ mounts: { 'team-a/secret': 2, old: 1 } });

      const written = await vault.api('POST', 'team-a/secret/data/db', { data: { user: 'ada' } });
      const shown = await vault.cli(['kv', 'get', '-field=user', 'team-a/secret/db']);
      await vault.api('PUT', 'old/db', { user: 'bob' });
      const old = await vault.api('GET', 'old/db');
      const anonymous = await vault.api('GET', 'old/db', undefined, { 'X-Vault-Token': '' });
      await vault.stop();

      expect(written.body).toMatchObject({ data: { version: 1 } });
      expect(shown).toEqual({ code: 0, stdout: 'ada', stderr: '' });
      expect(old.body).toMatchObject({ data: { user: 'bob' } });
      expect(anonymous.status).toBe(403);
      expect(await isListening(vault.port)).toBe(false);
      await expect(readFile(vault.auditFile)).rejects.toThrow('ENOENT');
    },
    15 * minutes,
  );

  test('sends its audit entries to a socket, and goes on with its file alone when nobody takes them', async () => {
    let heard = '';
    const listener = createServer((socket) => {
      socket.on('data', (chunk) => {
        heard += String(chunk);
      });
      socket.on('error', () => undefined);
      listener.once('close', () => socket.destroy());
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    const vault = await startVault({ auditSockets: [{ host: '127.0.0.1', port }] });

    await vault.api('POST', 'secret/data/heard', { data: { user: 'ada' } });
    await eventually(() => heard.includes('secret/data/heard'), { what: 'the entry at the socket' });
    listener.emit('close');
    listener.close();
    const alone = await vault.api('POST', 'secret/data/alone', { data: { user: 'ada' } });
    const audit = await readFile(vault.auditFile, 'utf8');
    await vault.stop();

    expect(alone.status).toBe(200);
    expect(audit).toContain('secret/data/alone');
  });

  test('can be sealed and unsealed', async () => {
    const vault = await startVault();

    await vault.seal();
    const sealed = await vault.api('GET', 'secret/data/db');
    await vault.unseal();
    const unsealed = await vault.api('GET', 'secret/data/db');
    await vault.stop();

    expect([sealed.status, unsealed.status]).toEqual([503, 404]);
  });
});

describe('Redis', () => {
  async function keepOverRestart(appendOnly: boolean): Promise<string | null> {
    const redis = await startRedis({ appendOnly });
    const client = new Redis(redis.port, redis.host, { lazyConnect: true });
    client.on('error', () => undefined);
    await client.set('key', 'value');
    await redis.restart();
    const kept = await eventually(async () => ({ value: await client.get('key') }), { what: 'Redis to be back' });
    client.disconnect();
    await redis.stop();
    expect(await isListening(redis.port)).toBe(false);
    return kept.value;
  }

  test('keeps nothing over a restart unless it was asked to', async () => {
    expect(await keepOverRestart(false)).toBe(null);
  });

  test('keeps what was written when its append-only file was asked for', async () => {
    expect(await keepOverRestart(true)).toBe('value');
  });

  test('is Valkey where that is asked for', async () => {
    const valkey = await startRedis({ make: 'Valkey' });
    const client = valkey.admin({ lazyConnect: true });

    const info = await client.info('server');
    client.disconnect();
    await valkey.stop();

    expect(info).toMatch(/^valkey_version:\d+\.\d/m);
  });

  test('lets a user do no more than its ACL line says, on a Unix socket too', async () => {
    const users = ['user default off', 'user webhook on >password ~in:* +@all'];
    const redis = await startRedis({ unixSocket: true, users });
    const client = new Redis(redis.socketPath ?? '', { username: 'webhook', password: 'password', lazyConnect: true });

    const allowed = await client.set('in:key', 'value');
    const denied = client.set('out:key', 'value');

    await expect(denied).rejects.toThrow('NOPERM');
    expect(allowed).toBe('OK');
    client.disconnect();
    await redis.stop();
  });
});

describe('moto', () => {
  test(
    'answers as AWS Secrets Manager does, forgets on reset, and is gone after stop',
    async () => {
      const moto = await startMoto();
      const client = new SecretsManagerClient({
        endpoint: moto.endpoint,
        region: 'eu-central-1',
        credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      });

      const created = await client.send(new CreateSecretCommand({ Name: 'db', SecretString: 'ada' }));
      await moto.reset();
      const gone = client.send(new DescribeSecretCommand({ SecretId: 'db' }));

      expect(created.ARN).toContain(':eu-central-1:');
      await expect(gone).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
      client.destroy();
      await moto.stop();

      expect(await isListening(portOf(moto.endpoint))).toBe(false);
    },
    5 * minutes,
  );
});

describe('kube-apiserver', () => {
  const serviceAccount = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'operator', namespace: 'default' },
  };

  test(
    'takes what kubectl applies, keeps it over a restart, lets a ServiceAccount do no more than RBAC says, and is gone after stop',
    async () => {
      const kubernetes = await startKubernetes();

      const applied = await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(serviceAccount));
      await kubernetes.restart();
      const kubeconfig = await kubernetes.serviceAccountKubeconfig({
        namespace: 'default',
        serviceAccount: 'operator',
      });
      const me = await kubernetes.kubectl(['--kubeconfig', kubeconfig, 'auth', 'whoami', '-o', 'json']);
      const denied = await kubernetes.kubectl(['--kubeconfig', kubeconfig, 'get', 'secrets']);
      await kubernetes.stop();

      expect(applied).toMatchObject({ code: 0, stdout: 'serviceaccount/operator created\n' });
      expect(me.stdout).toContain('system:serviceaccount:default:operator');
      expect(denied).toMatchObject({ code: 1, stderr: expect.stringContaining('Forbidden') });
      expect(await isListening(portOf(kubernetes.server))).toBe(false);
    },
    15 * minutes,
  );

  test('reviews the tokens that it issues, for the audience that they were asked for', async () => {
    const kubernetes = await startKubernetes();
    await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(serviceAccount));
    const review = (token: string, audience: string) => {
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      };
      return kubernetes.api('POST', '/apis/authentication.k8s.io/v1/tokenreviews', body);
    };

    const token = await kubernetes.createToken({
      namespace: 'default',
      serviceAccount: 'operator',
      audiences: ['vault'],
    });
    const good = await review(token, 'vault');
    const wrong = await review(token, 'elsewhere');
    await kubernetes.stop();

    expect(good.body).toMatchObject({ status: { authenticated: true } });
    expect(wrong.body).not.toMatchObject({ status: { authenticated: true } });
  });
});
