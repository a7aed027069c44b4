import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { project, type Stores, startStores } from '../../scripts/demo/stores.ts';
import type { SyncStatus } from '../../src/crd/status.ts';
import { keysOf } from '../../src/state/redis/keys.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { type RedisPeer, startRedis } from '../peers/start-redis.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { applyDefinitions } from './definitions.ts';
import { awsCredentials, settingsFor } from './settings.ts';

const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
const many = 'many';

let kubernetes: KubernetesPeer;
let redis: RedisPeer;
let vault: VaultPeer;
let stores: Stores;
let webhook: Program;
/** Two operators; one of them leads. */
let operators: Program[];

beforeAll(async () => {
  const nowhere = { aws: 'none', azure: 'none', gcp: 'none' };
  [kubernetes, redis, vault, stores] = await Promise.all([
    startKubernetes(),
    startRedis(),
    startVault(),
    startStores(nowhere),
  ]);
  await applyDefinitions(kubernetes);
  await kubectl('create', 'namespace', 'team-a');
  webhook = await startProgram({ settings: { ...base(), roles: ['webhook'] } });
  operators = await Promise.all([startOperator(), startOperator()]);
  await vault.enableAuditSocket({ host: '127.0.0.1', port: webhook.tcpPort ?? 0 });
  for (const name of names) await put(name, 'first');
  await apply(many, {
    source: { path: 'secret/many/(.*)' },
    refreshInterval: '0',
    dest: [{ gcp: { project, name: '$1' } }],
  });
  await copiesShow('first');
}, 600_000);

afterAll(async () => {
  await Promise.all([webhook?.stop(), ...(operators ?? []).map((operator) => operator.stop())]);
  await Promise.all([kubernetes?.stop(), redis?.stop(), vault?.stop(), stores?.stop()]);
});

function base(): Record<string, unknown> {
  const settings = settingsFor(vault, stores) as { stores: { gcp: object } };
  // GCP's own quota would make each reconcile a matter of seconds.
  const gcp = { ...settings.stores.gcp, callsPerSecond: { read: 1_000 } };
  return { ...settings, stores: { ...settings.stores, gcp }, state: { redis: redis.url } };
}

function operatorSettings(more: object = {}): Record<string, unknown> {
  return { ...base(), roles: ['operator'], manifests: { kubeconfig: kubernetes.adminKubeconfig }, ...more };
}

function startOperator(): Promise<Program> {
  return startProgram({ settings: operatorSettings(), env: awsCredentials });
}

async function kubectl(...args: string[]): Promise<string> {
  const result = await kubernetes.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

async function apply(name: string, spec: object): Promise<void> {
  const manifest = {
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name, namespace: 'team-a' },
    spec,
  };
  const { code, stderr } = await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(manifest));
  if (code !== 0) throw new Error(stderr);
}

/** As `apply`, but at once: a busy machine may need longer for a kubectl than the run lasts that is to be caught. */
async function edit(name: string, spec: object): Promise<void> {
  const path = `/apis/vaultsecretsync.dev/v1alpha1/namespaces/team-a/vaultsecretsyncs/${name}`;
  const replace = async () => {
    const { body } = await kubernetes.api('GET', path);
    return (await kubernetes.api('PUT', path, { ...(body as object), spec })).status === 200;
  };
  await eventually(replace, { what: 'the edit to be taken' });
}

async function put(name: string, value: string): Promise<void> {
  await vault.api('POST', `secret/data/many/${name}`, { data: { value } });
}

async function shown(name: string): Promise<string | null> {
  return (await stores.gcp.payload(project, name))?.toString('utf8') ?? null;
}

async function copiesShow(value: string, within = 60_000): Promise<void> {
  for (const name of names) {
    await eventually(async () => (await shown(name)) === JSON.stringify({ value }), {
      what: `the copy ${name}`,
      within,
    });
  }
}

async function statusOf(name: string): Promise<{ generation: number; annotations: string[]; status: SyncStatus }> {
  const object = JSON.parse(await kubectl('get', 'vss', name, '-n', 'team-a', '-o', 'json'));
  const { generation, annotations = {} } = object.metadata;
  return { generation, annotations: Object.keys(annotations), status: object.status ?? {} };
}

async function readyOf(name: string) {
  return (await statusOf(name)).status.conditions?.find(({ type }) => type === 'Ready');
}

/** The one that leads; on a busy machine the lead may have gone from one to the other and back. */
function leader(): Promise<Program> {
  return eventually(
    () =>
      operators.find(
        ({ log }) => log.findLast(({ msg }) => msg === 'leading' || msg === 'lead lost')?.msg === 'leading',
      ),
    { what: 'one to lead' },
  );
}

describe('a reconcile that is asked for by annotation', () => {
  test('is answered each time, whichever replica takes it', async () => {
    for (let request = 1; request <= 15; request++) {
      await kubectl(
        'annotate',
        'vss',
        many,
        '-n',
        'team-a',
        '--overwrite',
        `reconcile.vaultsecretsync.dev/requestedAt=${request}`,
      );
      await eventually(async () => (await statusOf(many)).status.lastHandledReconcileAt === String(request), {
        what: `request ${request} to be answered`,
      });
    }
  });

  test("may be the ancestor's, which is taken away once it was followed; op: delete is refused in an Event", async () => {
    await kubectl('annotate', 'vss', many, '-n', 'team-a', '--overwrite', 'force-sync=again', 'op=delete');

    await eventually(async () => !(await statusOf(many)).annotations.includes('force-sync'), {
      what: 'the request to be answered',
    });
    const { annotations, status } = await statusOf(many);

    expect(annotations).not.toContain('op');
    // The other way of asking has its answer already.
    expect(status.lastHandledReconcileAt).toBe('15');
    await eventually(
      async () => (await kubectl('get', 'events.events.k8s.io', '-n', 'team-a')).includes('OperationRefused'),
      { what: 'the Event' },
    );
    await copiesShow('first');
  });
});

describe('an edit', () => {
  test('is followed each time, whichever replica takes it', async () => {
    for (let edit = 1; edit <= 15; edit++) {
      await kubectl(
        'patch',
        'vss',
        many,
        '-n',
        'team-a',
        '--type=merge',
        '-p',
        `{"spec":{"deletionGracePeriod":"${edit}s"}}`,
      );
      await eventually(
        async () => {
          const { generation, status } = await statusOf(many);
          return status.observedGeneration === generation;
        },
        { what: `edit ${edit} to be observed` },
      );
    }
  });

  test('during a run is not reported as done by that run', async () => {
    // A write without an answer lasts until its time is up: long enough to edit the manifest meanwhile.
    await stores.gcp.fault({ kind: 'hang', method: 'AddSecretVersion', count: 1 });
    await apply('slow', { source: { path: 'secret/many/s0' }, dest: [{ gcp: { project, name: 'before' } }] });
    await eventually(async () => (await stores.gcp.secrets()).some(({ name }) => name === 'before'), {
      what: 'the run to be under way',
    });
    await edit('slow', { source: { path: 'secret/many/s0' }, dest: [{ gcp: { project, name: 'after' } }] });

    const observed = await eventually(
      async () => {
        const { status } = await statusOf('slow');
        return status.observedGeneration === undefined ? null : { ...status, copy: await shown('after') };
      },
      { what: 'a generation to be observed', within: 60_000 },
    );
    await stores.gcp.clearFaults();

    // Generation 1 was edited before its run had ended; what is told as observed has its copy.
    expect(observed.observedGeneration).toBe(2);
    expect(observed.copy).toBe(JSON.stringify({ value: 'first' }));
  });
});

describe('writes: paused', () => {
  const tell = (writes: string) =>
    Promise.all(operators.map(({ settingsFile }) => writeFile(settingsFile, stringify(operatorSettings({ writes })))));
  const haveRead = (times: number) =>
    eventually(
      () => operators.every(({ log }) => log.filter(({ msg }) => msg === 'settings read anew').length === times),
      { what: 'both operators to have read their settings' },
    );

  test('in the settings file stops every write without a restart, and what was missed comes when it ends', async () => {
    await apply('leaving', {
      source: { path: 'secret/many/s0' },
      removalPolicy: 'Delete',
      dest: [{ gcp: { project, name: 'leaving' } }],
    });
    await eventually(() => shown('leaving'), { what: 'the copy of a sync that will go' });

    await tell('paused');
    await haveRead(1);
    for (const name of names) await put(name, 'second');
    await kubectl('delete', 'vss', 'leaving', '-n', 'team-a', '--wait=false');
    await eventually(async () => (await readyOf(many))?.reason === 'WritesPaused', { what: 'the pause to be told' });
    await copiesShow('first');
    expect(await shown('leaving')).toBe(JSON.stringify({ value: 'first' }));

    await tell('enabled');
    await haveRead(2);

    await copiesShow('second');
    await eventually(async () => (await readyOf(many))?.status === 'True', { what: 'the sync to be ready again' });
    await eventually(async () => (await shown('leaving')) === null, { what: 'the copy to go' });
    await kubectl('wait', '--for=delete', 'vss/leaving', '-n', 'team-a', '--timeout=60s');
  });
});

describe('a rolling restart', () => {
  test('drops nothing of a burst of changes', async () => {
    const burst = (async () => {
      for (let round = 0; round < 25; round++) for (const name of names) await put(name, `round-${round}`);
    })();
    for (const [index, operator] of operators.entries()) {
      const code = await operator.stop('SIGTERM');
      expect(code).toBe(0);
      operators[index] = await startOperator();
    }
    await burst;

    await copiesShow('round-24');
    await eventually(async () => (await readyOf(many))?.status === 'True', { what: 'the sync to be ready' });
  });
});

describe('a leader that is killed', () => {
  test('is replaced within its lease by one that publishes, plans and follows', async () => {
    await apply('planned', {
      source: { path: 'secret/many/s1' },
      refreshInterval: '10s',
      dest: [{ gcp: { project, name: 'planned' } }],
    });
    await eventually(async () => (await shown('planned')) !== null, { what: 'the copy' });
    const client = new Redis(redis.url);
    const killed = await leader();
    const other = operators.find((operator) => operator !== killed)!;
    // What only a leader brings back.
    await client.del(keysOf('vss').interest);
    const saidBefore = other.log.length;

    await killed.stop('SIGKILL');
    await eventually(() => other.log.slice(saidBefore).some(({ msg }) => msg === 'leading'), {
      what: 'the other to lead',
      within: 60_000,
    });
    await eventually(async () => (await client.exists(keysOf('vss').interest)) === 1, { what: 'the interest' });
    client.disconnect();

    for (const name of names) await put(name, 'after');
    await copiesShow('after');
    const before = (await statusOf('planned')).status.lastSyncTime;
    await eventually(async () => (await statusOf('planned')).status.lastSyncTime !== before, {
      what: 'the next reconcile that was planned',
      within: 60_000,
    });
  });
});
