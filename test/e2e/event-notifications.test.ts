import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { eventually } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { startVaultEvents, type VaultEvents } from '../stand-ins/vault-events/start.ts';
import { awsCredentials, settingsFor } from './settings.ts';

/**
 * The program hears of changes by event notifications alone: the secrets are in a real Vault, whose audit log it does not get; the
 * notifications, which need an Enterprise license, come from the stand-in.
 */

const token = 'hvs.canary-7d21-may-subscribe';
let vault: VaultPeer;
let events: VaultEvents;
let stores: Stores;
let program: Program;
let folder: string;

beforeAll(async () => {
  [vault, stores, events, folder] = await Promise.all([
    startVault(),
    startStores({ aws: 'app', azure: 'none', gcp: 'none' }),
    startVaultEvents({ tokens: { [token]: { read: ['kv*'], subscribe: ['secret/*'] } } }),
    mkdtemp(join(tmpdir(), 'vss-notifications-')),
  ]);
  await vault.cli(['kv', 'put', 'secret/app', 'is=first']);
  const manifest = {
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name: 'app', namespace: 'team-a' },
    spec: { source: { path: 'secret/app' }, refreshInterval: '0', dest: [{ aws: { name: 'app', region } }] },
  };
  const directory = await mkdtemp(join(folder, 'manifests-'));
  await writeFile(join(directory, 'sync.yaml'), stringify(manifest));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token);
  program = await startProgram({
    settings: {
      ...settingsFor(vault, stores),
      manifests: { directory },
      webhook: {
        http: { enabled: false },
        eventSubscriptions: [{ vault: 'main', tokenFile, address: events.address }],
      },
    },
    env: awsCredentials,
  });
  await shows({ is: 'first' });
}, 600_000);

afterAll(async () => {
  await program?.stop();
  await Promise.all([vault?.stop(), stores?.stop(), events?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function shows(expected: Readonly<Record<string, string>>): Promise<void> {
  const holds = async () => {
    const value = await stores.all[0]?.look();
    expect(JSON.parse(value ?? 'null')).toEqual(expected);
    return true;
  };
  await eventually(holds, { what: 'the copy', within: 60_000 });
}

test('a change that Vault notifies of is copied', async () => {
  await vault.cli(['kv', 'put', 'secret/app', 'is=second']);

  const hearers = events.happen({ type: 'kv-v2/data-write', name: 'app', version: 2 });

  await shows({ is: 'second' });
  expect(hearers).toBe(1);
  expect(await program.metric('vss_event_subscriptions', { vault: 'main' })).toBe(1);
});

test('a connection that broke is made anew, and asks for a reconcile of what fell between', async () => {
  await eventually(async () => (await program.metric('vss_jobs_total', { kind: 'mount', outcome: 'done' })) > 0, {
    what: 'the reconcile at the start',
  });
  events.drop();

  await eventually(() => events.requests.length === 2 && events.connections === 1, { what: 'the next connection' });

  expect(await program.metric('vss_event_subscription_failures_total', { vault: 'main' })).toBe(1);
  // The start has asked less than five minutes ago, so the reconcile itself is not due yet.
  await eventually(() => program.log.some((line) => line['why'] === 'reconnect'), {
    what: 'the reconcile to be asked for',
  });
});

test('the token is shown nowhere, and the program ends with its connection', async () => {
  const metrics = await program.metrics();

  const code = await program.stop();

  expect(code).toBe(0);
  expect(`${program.text()}${metrics}`).not.toContain('canary-7d21');
  await eventually(() => events.connections === 0, { what: 'the connection to end' });
});
