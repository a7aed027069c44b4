import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { project, region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { planClassOf } from '../../src/sync/plan-class.ts';
import type { CopyChange } from '../../src/sync/ports.ts';
import { type CommandResult, eventually, findFreePort } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { classesIn, documentIn, manifestOf, runProgram } from './command-line.ts';
import { applyDefinitions } from './definitions.ts';
import { awsCredentials, settingsFor } from './settings.ts';

let kubernetes: KubernetesPeer;
let redis: RedisPeer;
let vault: VaultPeer;
let stores: Stores;
let folder: string;
/** May list syncs in team-a and read what names the installation and keys its fingerprints: nothing that could write. */
let planner: string;
/** The operator's settings, which a plan takes too. */
let settings: Record<string, unknown>;

beforeAll(async () => {
  [kubernetes, redis, vault, stores, folder] = await Promise.all([
    startKubernetes(),
    startRedis(),
    startVault(),
    startStores({ aws: 'none', azure: 'none', gcp: 'none' }),
    mkdtemp(join(tmpdir(), 'vss-plan-of-cluster-')),
  ]);
  await applyDefinitions(kubernetes);
  for (const namespace of ['team-a', 'team-b', 'vss']) await kubectl('create', 'namespace', namespace);
  await kubectl('-n', 'vss', 'create', 'serviceaccount', 'planner');
  await allowPlanner('list-syncs', 'team-a', '--verb=list', '--resource=vaultsecretsyncs.vaultsecretsync.dev');
  await allowPlanner(
    'read-key',
    'vss',
    '--verb=get',
    '--resource=secrets',
    '--resource-name=vault-secret-sync-fingerprint-key',
  );
  await allowPlanner('read-uid', 'kube-system', '--verb=get', '--resource=namespaces', '--resource-name=kube-system');
  planner = await kubernetes.serviceAccountKubeconfig({ namespace: 'vss', serviceAccount: 'planner' });
  const { installation: _uid, fingerprintKey: _secret, ...rest } = settingsFor(vault, stores);
  settings = { ...rest, state: { redis: redis.url }, operator: { namespace: 'vss' } };
}, 600_000);

afterAll(async () => {
  await Promise.all([kubernetes?.stop(), redis?.stop(), vault?.stop(), stores?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function kubectl(...args: string[]): Promise<string> {
  const result = await kubernetes.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

async function allowPlanner(name: string, namespace: string, ...rights: string[]): Promise<void> {
  await kubectl('-n', namespace, 'create', 'role', name, ...rights);
  await kubectl('-n', namespace, 'create', 'rolebinding', name, `--role=${name}`, '--serviceaccount=vss:planner');
}

async function apply(name: string, spec: object, namespace = 'team-a'): Promise<void> {
  const { code, stderr } = await kubernetes.kubectl(
    ['apply', '-f', '-'],
    JSON.stringify(manifestOf(name, spec, { namespace })),
  );
  if (code !== 0) throw new Error(stderr);
}

async function put(name: string, value: string): Promise<void> {
  await vault.api('POST', `secret/data/${name}`, { data: { value } });
}

/** Runs the operator until it has reconciled every sync, and tells what it logged of copies. */
async function runOperator(): Promise<string[]> {
  const manifests = { kubeconfig: kubernetes.adminKubeconfig };
  const since = Date.now();
  const operator: Program = await startProgram({
    settings: { ...settings, roles: ['operator'], manifests },
    env: awsCredentials,
  });
  try {
    await eventually(async () => (await reconciledAt()).every((time) => time >= since), {
      what: 'the operator to reconcile every sync',
      within: 60_000,
    });
  } finally {
    await operator.stop();
  }
  const told = operator.log.flatMap(({ msg = '', sync, copy }) => {
    const [, change] = /^copy (\w+)$/.exec(msg) ?? [];
    const planClass = change === undefined ? null : classOf(change as CopyChange);
    return planClass === null ? [] : [`${String(sync)} ${planClass} ${String(copy)}`];
  });
  // The longer it takes, the more often it comes back to what it could not do.
  return [...new Set(told)];
}

function classOf(change: CopyChange): string | null {
  return planClassOf({ change, planned: change });
}

async function reconciledAt(): Promise<number[]> {
  const { items } = JSON.parse(await kubectl('get', 'vss', '-A', '-o', 'json')) as {
    items: { status?: { lastSyncTime?: string } }[];
  };
  return items.map(({ status }) => Date.parse(status?.lastSyncTime ?? '1970-01-01'));
}

/** With the rights of the planner. */
async function plan(words: readonly string[], changes: Record<string, unknown> = {}): Promise<CommandResult> {
  const file = join(folder, 'settings.yml.txt');
  await writeFile(file, stringify({ ...settings, ...changes }));
  return runProgram(['plan', ...words, '--settings', file, '--kubeconfig', planner], { folder });
}

function pendingIn(result: CommandResult): string[] {
  return classesIn(result).filter((line) => !line.includes(' unchanged '));
}

async function everythingInRedis(): Promise<Map<string, string>> {
  const client = new Redis(redis.url);
  try {
    const dump = new Map<string, string>();
    for (const key of await client.keys('*')) {
      dump.set(key, ((await client.dumpBuffer(key)) ?? Buffer.alloc(0)).toString('latin1'));
    }
    return dump;
  } finally {
    client.disconnect();
  }
}

async function everythingInCluster(): Promise<string> {
  const kinds = 'vss,secrets,configmaps,events.events.k8s.io,leases.coordination.k8s.io';
  const { items } = JSON.parse(await kubectl('get', kinds, '-A', '-o', 'json')) as {
    items: { kind: string; metadata: { namespace: string; name: string; resourceVersion: string } }[];
  };
  // The API server renews leases of its own.
  const ours = items.filter(({ kind, metadata }) => kind !== 'Lease' || metadata.namespace !== 'kube-system');
  return JSON.stringify(ours.map(({ metadata }) => metadata));
}

/** The commands that Redis is given meanwhile, e.g. `hmget`. */
async function commandsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const client = new Redis(redis.url);
  try {
    const monitor = await client.monitor();
    const commands: string[] = [];
    monitor.on('monitor', (_time: string, [command = '']: string[]) => commands.push(command.toLowerCase()));
    await work();
    await client.echo('that was all');
    await eventually(() => commands.includes('echo'), { what: 'Redis to tell all commands' });
    monitor.disconnect();
    return [...new Set(commands)].filter((command) => command !== 'echo').sort();
  } finally {
    client.disconnect();
  }
}

const gcp = (name: string) => [{ gcp: { project, name } }];

describe('vault-secret-sync plan -n NAMESPACE', () => {
  test('before there was an operator says what it would create, and makes neither a key nor anything else', async () => {
    for (const name of ['changed', 'limited/one', 'limited/two', 'watched']) await put(name, 'one');
    await apply('changed', { source: { path: 'secret/changed' }, dest: [{ aws: { region, name: 'changed' } }] });
    await apply('limited', { source: { path: 'secret/limited/(.*)' }, dest: gcp('limited-$1'), maxDeletions: 1 });
    const { vaultUrl } = stores.azure;
    await apply('watched', {
      source: { path: 'secret/watched' },
      dest: [{ azure: { vaultUrl, name: 'watched' } }],
      driftPolicy: 'Report',
    });
    const before = await everythingInCluster();

    const planned = await plan(['-n', 'team-a']);

    expect(planned).toMatchObject({ code: 3, stdout: expect.stringContaining('plan: 3 syncs: 4 create') });
    expect(planned.stderr).toContain('there is no fingerprint key yet: fingerprints are unknown');
    expect(planned.stdout).toContain(`create  aws:${region}:/changed  none -> unknown`);
    expect(await everythingInCluster()).toBe(before);
    expect(await everythingInRedis()).toEqual(new Map());
    expect(await stores.gcp.secrets()).toEqual([]);
  });

  test('sees what the operator remembers, is what the operator then does, and writes nothing', async () => {
    await runOperator();
    await vault.api('DELETE', 'secret/data/limited/one');
    await runOperator();
    // One of the two deletions that are allowed within ten minutes is spent.
    await vault.api('DELETE', 'secret/data/limited/two');
    await put('changed', 'two');
    await put('new', 'one');
    await stores.azure.setByHand('watched', { value: 'by hand' });
    await apply('new', { source: { path: 'secret/new' }, dest: gcp('new') });
    await apply('new-too', { source: { path: 'secret/new' }, dest: gcp('new') });
    const [inCluster, inRedis] = [await everythingInCluster(), await everythingInRedis()];
    const inGcp = JSON.stringify(await stores.gcp.secrets());

    let planned: CommandResult | null = null;
    const commands = await commandsDuring(async () => {
      planned = await plan(['-n', 'team-a', '--json']);
    });
    const result = planned as unknown as CommandResult;

    expect(result).toMatchObject({ code: 1, stderr: '' });
    expect(pendingIn(result)).toEqual([
      `team-a/changed update aws:${region}:/changed`,
      `team-a/limited guarded gcp:${project}/limited-two`,
      `team-a/new create gcp:${project}/new`,
      `team-a/new-too conflict gcp:${project}/new`,
      `team-a/watched skip azure:${new URL(stores.azure.vaultUrl).host}/watched`,
    ]);
    expect(commands.filter((command) => !readers.includes(command))).toEqual([]);
    expect(await everythingInCluster()).toBe(inCluster);
    for (const [key, value] of await everythingInRedis()) expect([key, value]).toEqual([key, inRedis.get(key)]);
    expect(JSON.stringify(await stores.gcp.secrets())).toBe(inGcp);
    expect((await runOperator()).sort()).toEqual(pendingIn(result));
  }, 600_000);

  test('takes the name of one sync, and knows the nearest one', async () => {
    const one = await plan(['-n', 'team-a', 'limited', '--json']);
    const misspelt = await plan(['-n', 'team-a', 'limted']);

    expect(documentIn(one).syncs.map(({ sync }) => sync)).toEqual(['team-a/limited']);
    expect(misspelt).toMatchObject({ code: 2, stdout: '' });
    expect(misspelt.stderr).toContain('there is no VaultSecretSync limted in namespace team-a; did you mean limited?');
  });

  test('knows an earlier sync that wants the same copy, also when only the later one is asked for', async () => {
    await put('rivals', 'one');
    await apply('rival-1', { source: { path: 'secret/rivals' }, dest: gcp('rivals') });
    await apply('rival-2', { source: { path: 'secret/rivals' }, dest: gcp('rivals') });

    const later = await plan(['-n', 'team-a', 'rival-2', '--json']);

    expect(classesIn(later)).toHaveLength(1);
    expect(documentIn(later).syncs[0]?.copies).toMatchObject([
      { class: 'conflict', message: expect.stringContaining('is wanted by team-a/rival-1 too, which was there first') },
    ]);
  });

  test('goes on without Redis when it is away, and says so', async () => {
    const away = { redis: `redis://user:hush-redis@127.0.0.1:${await findFreePort()}` };

    const planned = await plan(['-n', 'team-a', 'watched', '--json'], { state: away });

    expect(planned.code).toBe(3);
    expect(documentIn(planned).notes).toEqual([
      expect.stringMatching(/planned without what the operator remembers: Redis at 127.0.0.1:\d+ did not answer/),
    ]);
    // Only the ledger tells that it was in sync before somebody changed it by hand.
    expect(pendingIn(planned)).toEqual([`team-a/watched update azure:${new URL(stores.azure.vaultUrl).host}/watched`]);
    expect(planned.stdout + planned.stderr).not.toContain('hush');
  });

  test('exits 1 where Kubernetes does not allow it, and says what to add', async () => {
    const elsewhere = await plan(['-n', 'team-b']);
    const everywhere = await plan(['-A']);

    expect(elsewhere).toMatchObject({ code: 1, stdout: '' });
    expect(elsewhere.stderr).toContain('add to a Role in namespace team-b');
    expect(everywhere).toMatchObject({ code: 1, stdout: '' });
    expect(everywhere.stderr).toContain('add to a ClusterRole');
  });

  test('takes all namespaces that the operator watches, and says when it does not watch the one asked for', async () => {
    const everywhere = await plan(['-A', '--json'], { manifests: { namespaces: ['team-a'] } });
    const unwatched = await plan(['-n', 'team-a', 'limited'], { manifests: { namespaces: ['team-b'] } });

    expect(documentIn(everywhere).syncs.length).toBeGreaterThan(3);
    expect(unwatched.stderr).toContain('the operator does not watch namespace team-a');
  });
});

/** What a plan may say to Redis: hello, how are you, and what stands there. */
const readers = ['hello', 'info', 'ping', 'hget', 'hgetall', 'hmget', 'zrange', 'zrangebyscore', 'zcount'];
