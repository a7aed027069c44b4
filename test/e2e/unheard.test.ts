import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { eventually } from '../peers/processes.ts';
import { type RaftVaultPeer, startRaftVault } from '../peers/start-raft-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { awsCredentials, settingsFor } from './settings.ts';

/** A row of `docs/reference/unheard.md` each: changes that no entry about the secret itself tells of. */

let vault: RaftVaultPeer;
let stores: Stores;
let program: Program;
/** Another installation, which no audit device tells anything. */
let deaf: Program;
let aws: SecretsManagerClient;
let folder: string;

/** What every sync here copies, by its name; `interval` is its `refreshInterval`. */
const syncs = [
  { name: 'moved-from', path: 'old/app', interval: '0' },
  { name: 'moved-to', path: 'new/app', interval: '0' },
  { name: 'disabled', path: 'going/app', interval: '0' },
  { name: 'upgraded', path: 'elder/app', interval: '0' },
  { name: 'expiring', path: 'secret/expiring', interval: '10s' },
  { name: 'expiring-alone', path: 'secret/expiring', interval: '0' },
  { name: 'untold', path: 'secret/untold', interval: '10s' },
  { name: 'untold-alone', path: 'secret/untold', interval: '0' },
  { name: 'restored', path: 'secret/restored', interval: '0' },
  { name: 'pruned', path: 'secret/pruned', interval: '0' },
  { name: 'guarded', path: 'secret/guarded', interval: '10s' },
];
const syncOfDeaf = { name: 'promoted', path: 'secret/restored', interval: '10s' };

beforeAll(async () => {
  [vault, stores, folder] = await Promise.all([
    startRaftVault(),
    startStores({ aws: 'none', azure: 'none', gcp: 'none' }),
    mkdtemp(join(tmpdir(), 'vss-unheard-')),
  ]);
  aws = new SecretsManagerClient({
    endpoint: stores.aws.endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  for (const [mount, version] of [
    ['old', 2],
    ['going', 2],
    ['elder', 1],
  ] as const) {
    await vault.enableKv(mount, version);
    await vault.cli(['kv', 'put', `${mount}/app`, `in=${mount}`]);
  }
  for (const name of ['expiring', 'untold', 'restored', 'pruned', 'guarded'])
    await vault.cli(['kv', 'put', `secret/${name}`, 'is=first']);
  await mayRead({ guarded: true });
  const { body } = await vault.api('POST', 'auth/token/create', { policies: ['operator'] });
  const { client_token: token } = (body as { auth: { client_token: string } }).auth;
  program = await start('end-to-end', token, syncs);
  deaf = await start('deaf', token, [syncOfDeaf]);
  await enableSocket();
  for (const { name } of syncs) if (name !== 'moved-to') await shows(name, expect.anything());
}, 600_000);

afterAll(async () => {
  aws?.destroy();
  await Promise.all([program?.stop(), deaf?.stop()]);
  await Promise.all([vault?.stop(), stores?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function start(installation: string, token: string, of: readonly (typeof syncOfDeaf)[]): Promise<Program> {
  const directory = join(folder, installation);
  await mkdir(directory);
  const manifests = of.map(({ name, path, interval }) => ({
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name, namespace: 'team-a' },
    spec: { source: { path }, refreshInterval: interval, dest: [{ aws: { name, region } }] },
  }));
  await writeFile(join(directory, 'syncs.yaml'), manifests.map((manifest) => stringify(manifest)).join('---\n'));
  return startProgram({
    settings: {
      ...settingsFor(vault, stores),
      installation,
      vaults: [{ name: 'main', address: vault.address, auth: { method: 'token', token } }],
      policies: [{ namespaces: ['*'], paths: ['**'], destinations: ['aws:**'] }],
      manifests: { directory },
    },
    env: awsCredentials,
  });
}

/** What the programs may read. */
async function mayRead({ guarded }: { guarded: boolean }): Promise<void> {
  const rules = ['path "*" { capabilities = ["read", "list"] }'];
  if (!guarded) rules.push('path "secret/data/guarded" { capabilities = ["deny"] }');
  await vault.api('PUT', 'sys/policies/acl/operator', { policy: rules.join('\n') });
}

function enableSocket(): Promise<void> {
  return vault.enableAuditSocket({ host: '127.0.0.1', port: program.tcpPort ?? 0 });
}

async function copyOf(name: string): Promise<unknown> {
  try {
    return JSON.parse((await aws.send(new GetSecretValueCommand({ SecretId: name }))).SecretString ?? '');
  } catch (error) {
    const { name: code } = error as Error;
    if (code === 'ResourceNotFoundException' || code === 'InvalidRequestException') return null;
    throw error;
  }
}

async function shows(name: string, expected: unknown, within = 60_000): Promise<void> {
  const holds = async () => {
    expect(await copyOf(name)).toEqual(expected);
    return true;
  };
  await eventually(holds, { what: `the copy ${name}`, within });
}

/** Runs something that an entry tells of, and waits until everything that reads from the mount was looked at. */
async function andWaitForReconcile(change: () => Promise<unknown>): Promise<void> {
  const done = () => program.metric('vss_jobs_total', { kind: 'mount', outcome: 'done' });
  const before = await done();
  await change();
  await eventually(async () => (await done()) > before, { what: 'a mount to be looked at' });
}

describe('seen at once, by an entry about something else', () => {
  test('a mount that was moved: what is read from its new place is copied, and nothing is deleted', async () => {
    await vault.api('POST', 'sys/remount', { from: 'old', to: 'new' });

    await shows('moved-to', { in: 'old' });
    expect(await copyOf('moved-from')).toEqual({ in: 'old' });
  });

  test('a mount that was disabled, and made anew: its copies stay until somebody writes there', async () => {
    await andWaitForReconcile(() => vault.api('DELETE', 'sys/mounts/going'));
    const left = await copyOf('disabled');
    await andWaitForReconcile(() => vault.enableKv('going', 2));
    const kept = await copyOf('disabled');
    await vault.cli(['kv', 'put', 'going/app', 'in=another life']);

    await shows('disabled', { in: 'another life' });
    expect([left, kept]).toEqual([{ in: 'going' }, { in: 'going' }]);
  });

  test('a mount that became version 2: what is written there is followed', async () => {
    await andWaitForReconcile(() => vault.cli(['kv', 'enable-versioning', 'elder/']));
    const kept = await copyOf('upgraded');
    await eventually(async () => (await vault.cli(['kv', 'put', 'elder/app', 'in=version two'])).code === 0, {
      what: 'the upgrade of the mount',
    });

    await shows('upgraded', { in: 'version two' });
    expect(kept).toEqual({ in: 'elder' });
  });

  test('versions that were pruned: the copy is that of the newest, which never is', async () => {
    for (const is of ['second', 'third', 'fourth']) await vault.cli(['kv', 'put', 'secret/pruned', `is=${is}`]);
    await shows('pruned', { is: 'fourth' });
    await vault.cli(['kv', 'metadata', 'put', '-max-versions=1', 'secret/pruned']);
    const kept = await copyOf('pruned');
    await vault.cli(['kv', 'put', 'secret/pruned', 'is=fifth']);

    await shows('pruned', { is: 'fifth' });
    expect(kept).toEqual({ is: 'fourth' });
    expect((await vault.cli(['kv', 'get', '-version=4', 'secret/pruned'])).code).not.toBe(0);
  });
});

describe('seen by the interval alone', () => {
  test('a version whose delete_version_after has passed', async () => {
    await vault.cli(['kv', 'metadata', 'put', '-delete-version-after=15s', 'secret/expiring']);
    await vault.cli(['kv', 'put', 'secret/expiring', 'is=soon gone']);
    await shows('expiring-alone', { is: 'soon gone' });

    await shows('expiring', null);
    expect(await copyOf('expiring-alone')).toEqual({ is: 'soon gone' });
  });

  test('a write of which no entry came: by replication, to the storage, or while no audit device was there', async () => {
    await vault.api('DELETE', 'sys/audit/socket');
    await vault.cli(['kv', 'put', 'secret/untold', 'is=second']);

    await shows('untold', { is: 'second' });
    expect(await copyOf('untold-alone')).toEqual({ is: 'first' });
    await enableSocket();
  });

  test('a policy that forbids to read a secret, and allows it again: its copy stays meanwhile', async () => {
    const refused = () => program.metric('vss_jobs_total', { kind: 'path', outcome: 'retry' });
    const before = await refused();
    await mayRead({ guarded: false });
    await vault.cli(['kv', 'put', 'secret/guarded', 'is=second']);
    await eventually(async () => (await refused()) > before, { what: 'a read to be refused' });
    const kept = await copyOf('guarded');
    await mayRead({ guarded: true });

    await shows('guarded', { is: 'second' });
    expect(kept).toEqual({ is: 'first' });
  });
});

describe('data that went back to an earlier state', () => {
  beforeAll(async () => {
    const snapshot = await vault.saveSnapshot();
    await vault.cli(['kv', 'put', 'secret/restored', 'is=second']);
    for (const name of ['restored', 'promoted']) await shows(name, { is: 'second' });
    await andWaitForReconcile(() => vault.restoreSnapshot(snapshot));
  });

  test('a snapshot that was restored is seen at once, and believed after a minute: until then it may be a standby that lags', async () => {
    await shows('restored', { is: 'first' }, 120_000);
  }, 600_000);

  test('a DR secondary that was promoted, of which no entry tells, is seen by the interval and believed after a minute, too', async () => {
    await shows('promoted', { is: 'first' }, 120_000);
  }, 600_000);
});
