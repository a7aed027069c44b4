import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { project, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { eventually } from '../peers/processes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { awsCredentials, settingsFor } from './settings.ts';

let redis: RedisPeer;
let vault: VaultPeer;
let stores: Stores;
let folder: string;
let webhook: Program;
let operator: Program;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-redis-away-'));
  const names = { aws: 'none', azure: 'none', gcp: 'app' };
  // On Valkey, so that it carries whole copies too; the other files have Redis.
  [redis, vault, stores] = await Promise.all([startRedis({ make: 'Valkey' }), startVault(), startStores(names)]);
  await writeFile(join(folder, 'app.yaml'), stringify(syncTo('app')));
  const base = { ...settingsFor(vault, stores), state: { redis: redis.url }, manifests: { directory: folder } };
  webhook = await startProgram({ settings: { ...base, roles: ['webhook'] } });
  operator = await startProgram({ settings: { ...base, roles: ['operator'] }, env: awsCredentials });
  await eventually(async () => (await readyz(webhook)).status === 200, { what: 'the webhook to be ready' });
});

afterAll(async () => {
  await Promise.all([webhook?.stop(), operator?.stop()]);
  await Promise.all([redis?.stop(), vault?.stop(), stores?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

function syncTo(name: string): unknown {
  return {
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name: 'app' },
    spec: { source: { path: 'secret/app' }, dest: [{ gcp: { project, name } }] },
  };
}

/** Posts the entry that Vault logs for a put, as a shipper would. */
async function post(version: number): Promise<{ status: number; retryAfter: string | null; text: string }> {
  const entry = {
    time: new Date().toISOString(),
    type: 'response',
    request: {
      id: `request-${version}`,
      operation: 'update',
      path: 'secret/data/app',
      mount_point: 'secret/',
      mount_type: 'kv',
      namespace: { id: 'root' },
    },
    response: { data: { version } },
  };
  const answer = await fetch(webhook.eventsUrl ?? '', {
    method: 'POST',
    headers: { authorization: 'Bearer sender-token-of-the-tests', connection: 'close' },
    body: `${JSON.stringify(entry)}\n`,
    signal: AbortSignal.timeout(20_000),
  });
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), text: await answer.text() };
}

async function readyz(program: Program): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${program.opsUrl}/readyz`, { headers: { connection: 'close' } });
  return { status: answer.status, text: await answer.text() };
}

async function configure(setting: string, value: string): Promise<void> {
  const admin = new Redis(redis.port);
  await admin.config('SET', setting, value);
  admin.disconnect();
}

async function copyShows(name: string, expected: Record<string, string>): Promise<void> {
  await eventually(
    async () => {
      const payload = await stores.gcp.payload(project, name);
      expect(JSON.parse(payload?.toString('utf8') ?? 'null')).toEqual(expected);
      return true;
    },
    { what: 'the copy to show what Vault says', within: 60_000 },
  );
}

describe('while Redis is away', () => {
  test('an event is taken, with an empty 200, while Redis is there', async () => {
    await vault.api('POST', 'secret/data/app', { data: { n: '1' } });

    expect(await post(1)).toEqual({ status: 200, retryAfter: null, text: '' });
    await copyShows('app', { n: '1' });
  });

  test('while it is full the webhook answers 503, both go on, and what was refused arrives once there is room', async () => {
    await configure('maxmemory', '1mb');
    await vault.api('POST', 'secret/data/app', { data: { n: 'full' } });

    const answer = await post(2);
    const health = await Promise.all([webhook, operator].map(({ opsUrl }) => fetch(`${opsUrl}/healthz`)));
    await configure('maxmemory', '0');
    await eventually(async () => (await post(2)).status === 200, {
      what: 'an event to be taken again',
    });

    expect(answer.status).toBe(503);
    expect(health.map(({ status }) => status)).toEqual([200, 200]);
    expect(webhook.log.some((line) => /refused with OOM/.test(JSON.stringify(line)))).toBe(true);
    await copyShows('app', { n: 'full' });
  });

  test('the webhook answers 503 with Retry-After, and its process stays healthy', async () => {
    await redis.kill();
    await vault.api('POST', 'secret/data/app', { data: { n: '3' } });

    const answer = await post(3);
    const ready = await eventually(
      async () => {
        const said = await readyz(webhook);
        return said.status === 503 ? said : null;
      },
      { what: 'the webhook to say that it is not ready' },
    );

    expect(answer.status).toBe(503);
    expect(Number(answer.retryAfter)).toBeGreaterThan(0);
    expect(ready.text).toContain('does not answer');
    expect((await fetch(`${webhook.opsUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${operator.opsUrl}/healthz`)).status).toBe(200);
  });

  test('both recover by themselves once it is back, empty, and the missed change arrives', async () => {
    await redis.restart();

    await eventually(async () => (await post(3)).status === 200, {
      what: 'an event to be taken again',
    });
    await copyShows('app', { n: '3' });
    await eventually(async () => (await readyz(webhook)).status === 200, { what: 'the webhook to be ready again' });
  });

  test('a second operator is ready too, and takes over when the leading one is killed', async () => {
    const settings = { ...settingsFor(vault, stores), state: { redis: redis.url }, manifests: { directory: folder } };
    const second = await startProgram({ settings: { ...settings, roles: ['operator'] }, env: awsCredentials });
    try {
      await eventually(async () => (await readyz(second)).status === 200, { what: 'the second operator to be ready' });
      await operator.stop('SIGKILL');
      await vault.api('POST', 'secret/data/app', { data: { n: '4' } });
      await post(4);

      await copyShows('app', { n: '4' });
      await eventually(() => second.log.some(({ msg }) => msg === 'leading'), {
        what: 'the second to lead',
        within: 60_000,
      });
    } finally {
      operator = second;
    }
  });

  test('a manifest edited in the folder is followed, and the copy it no longer asks for is left', async () => {
    await writeFile(join(folder, 'app.yaml'), stringify(syncTo('renamed')));

    await copyShows('renamed', { n: '4' });
    expect(await stores.gcp.payload(project, 'app')).not.toBeNull();
  });
});
