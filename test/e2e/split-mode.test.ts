import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { project, region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { applyDefinitions } from './definitions.ts';
import { awsCredentials, settingsFor } from './settings.ts';

/** Planted in Vault; must come out in the stores and nowhere else. */
const canary = 'canary-4f1d9c-split';

/** The secret and the copies of the example. */
const secret = 'secret/team-a/app';
const copies = { aws: 'team-a/app', azure: 'app', gcp: 'app' };

let kubernetes: KubernetesPeer;
let redis: RedisPeer;
let vault: VaultPeer;
let stores: Stores;
let webhook: Program;
let operator: Program;

beforeAll(async () => {
  [kubernetes, redis, vault, stores] = await Promise.all([
    startKubernetes(),
    startRedis(),
    startVault(),
    startStores(copies),
  ]);
  await applyDefinitions(kubernetes);
  await kubectl('create', 'namespace', 'team-a');
  const base = { ...settingsFor(vault, stores), state: { redis: redis.url } };
  const manifests = { kubeconfig: kubernetes.adminKubeconfig };
  webhook = await startProgram({ settings: { ...base, roles: ['webhook'] } });
  operator = await startProgram({ settings: { ...base, roles: ['operator'], manifests }, env: awsCredentials });
  await vault.enableAuditSocket({ host: '127.0.0.1', port: webhook.tcpPort ?? 0 });
}, 600_000);

afterAll(async () => {
  await Promise.all([webhook?.stop(), operator?.stop()]);
  await Promise.all([kubernetes?.stop(), redis?.stop(), vault?.stop(), stores?.stop()]);
});

async function kubectl(...args: string[]): Promise<string> {
  const result = await kubernetes.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

async function applyExample(): Promise<void> {
  const example = await readFile('examples/app-to-three-stores.yaml', 'utf8');
  // The example as it stands, but for where the stores are.
  const manifest = example
    .replace(/region: .*/, `region: ${region}`)
    .replace(/vaultUrl: .*|vaultName: .*/, `vaultUrl: ${stores.azure.vaultUrl}`)
    .replace(/project: .*/, `project: ${project}`);
  const { code, stderr } = await kubernetes.kubectl(['apply', '-n', 'team-a', '-f', '-'], manifest);
  if (code !== 0) throw new Error(stderr);
}

async function everyStoreShows(expected: Record<string, string> | null): Promise<void> {
  for (const store of stores.all) {
    await eventually(
      async () => {
        const value = await store.look();
        expect(value === null ? null : JSON.parse(value)).toEqual(expected);
        return true;
      },
      { what: `${store.name} to show what Vault says`, within: 60_000 },
    );
  }
}

describe('webhook and operator as two processes that meet only in Redis', () => {
  test('copy a change in Vault to three stores, and kubectl shows Ready', async () => {
    await applyExample();
    await vault.cli(['kv', 'put', secret, `password=${canary}`]);

    await everyStoreShows({ password: canary });
    await kubectl('wait', '-n', 'team-a', '--for=condition=Ready', '--timeout=60s', 'vss', '--all');
    const shown = await kubectl('get', 'vss', '-n', 'team-a');

    expect(shown).toMatch(/NAME\s+READY\s+.*\n\S+\s+True\s/);
  });

  test('follow an update, a delete and an undelete', async () => {
    await vault.cli(['kv', 'patch', secret, `password=${canary}-2`]);
    await everyStoreShows({ password: `${canary}-2` });

    await vault.cli(['kv', 'delete', secret]);
    await everyStoreShows(null);

    await vault.cli(['kv', 'undelete', '-versions=2', secret]);
    await everyStoreShows({ password: `${canary}-2` });
  });

  test('lose nothing when the operator is away while Vault changes', async () => {
    await operator.stop('SIGKILL');
    await vault.cli(['kv', 'put', secret, `password=${canary}-3`]);
    const manifests = { kubeconfig: kubernetes.adminKubeconfig };
    operator = await startProgram({
      settings: { ...settingsFor(vault, stores), state: { redis: redis.url }, roles: ['operator'], manifests },
      env: awsCredentials,
    });

    await everyStoreShows({ password: `${canary}-3` });
  });

  test('answer a reconcile that was asked for by annotation, and put right what was changed by hand', async () => {
    await stores.all[0]?.tamper('{"password":"mallory"}');
    await kubectl('annotate', '-n', 'team-a', 'vss', '--all', 'reconcile.vaultsecretsync.dev/requestedAt=now-please');

    await everyStoreShows({ password: `${canary}-3` });
    await eventually(
      async () =>
        (await kubectl('get', 'vss', '-n', 'team-a', '-o', 'jsonpath={.items[0].status.lastHandledReconcileAt}')) ===
        'now-please',
      { what: 'the request to be answered in the status' },
    );
  });

  test('leave copies alone that bear no mark, and say whose they are', async () => {
    await kubernetes.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'vaultsecretsync.dev/v1alpha1',
        kind: 'VaultSecretSync',
        metadata: { name: 'intruder', namespace: 'team-a' },
        spec: { source: { path: secret }, dest: [{ aws: { name: copies.aws, region } }] },
      }),
    );
    const ready = () =>
      kubectl(
        'get',
        'vss',
        'intruder',
        '-n',
        'team-a',
        '-o',
        'jsonpath={.status.conditions[?(@.type=="Stalled")].message}',
      );

    await eventually(async () => (await ready()).includes('belongs to team-a/'), { what: 'the conflict to be told' });
    await kubectl('delete', 'vss', 'intruder', '-n', 'team-a');
    await everyStoreShows({ password: `${canary}-3` });
  });

  test('take the copies along when a resource with removalPolicy: Delete is deleted', async () => {
    await kubernetes.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'vaultsecretsync.dev/v1alpha1',
        kind: 'VaultSecretSync',
        metadata: { name: 'passing', namespace: 'team-a' },
        spec: { source: { path: secret }, dest: [{ gcp: { project, name: 'passing' } }], removalPolicy: 'Delete' },
      }),
    );
    await eventually(() => stores.gcp.payload(project, 'passing'), { what: 'the copy of the passing resource' });

    // kubectl waits until the finalizer has been taken away.
    await kubectl('delete', 'vss', 'passing', '-n', 'team-a', '--timeout=60s');

    expect(await stores.gcp.payload(project, 'passing')).toBeNull();
    await everyStoreShows({ password: `${canary}-3` });
  });

  test('emit no value: not in logs, metrics, status, events or Redis', async () => {
    const seen = [
      webhook.text(),
      operator.text(),
      await webhook.metrics(),
      await operator.metrics(),
      await kubectl('get', 'vss,events', '-A', '-o', 'yaml'),
      await kubectl('get', 'events.events.k8s.io', '-A', '-o', 'yaml'),
      await everythingIn(redis),
    ].join('\n');

    expect(seen).toContain('secret');
    expect(seen).not.toContain('canary-4f1d9c');
    expect(seen).not.toContain(vault.token.length > 8 ? vault.token : 'sender-token-of-the-tests');
  });

  test('stop cleanly when told to', async () => {
    const codes = await Promise.all([webhook.stop(), operator.stop()]);

    expect(codes).toEqual([0, 0]);
  });
});

/** Every key and value of a Redis, as text. */
async function everythingIn({ url }: RedisPeer): Promise<string> {
  const client = new Redis(url);
  try {
    const texts: string[] = [];
    for (const key of await client.keys('*')) {
      texts.push(key, ((await client.dumpBuffer(key)) ?? Buffer.alloc(0)).toString('latin1'));
    }
    return texts.join('\n');
  } finally {
    client.disconnect();
  }
}
