import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exampleManifest } from '../../src/crd/generate/example.ts';
import type { SyncStatus, VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { fixSpec } from '../../src/errors.ts';
import { connectKubernetes } from '../../src/kubernetes/connect.ts';
import type { KubernetesClient } from '../../src/kubernetes/contract.ts';
import { createLogger } from '../../src/logging.ts';
import { KubernetesManifests } from '../../src/operator/manifests/kubernetes.ts';
import { statusOf } from '../../src/operator/status.ts';
import { StatusWriter } from '../../src/operator/status-writer.ts';
import { Syncs } from '../../src/operator/syncs.ts';
import { createMemoryState, type MemoryState } from '../../src/state/memory/state.ts';
import type { CopyRecord } from '../../src/sync/ports.ts';
import { applyDefinitions } from '../e2e/definitions.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { mainVault } from '../sync/fake-world.ts';

const logger = createLogger({ level: 'silent' });
const place = { destination: 'gcp:team-a' };

let kubernetes: KubernetesPeer;
let open: { manifests: KubernetesManifests; client: KubernetesClient }[];
let state: MemoryState<CopyRecord>;
let name: string;
let count = 0;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await applyDefinitions(kubernetes);
  await kubectl('create', 'namespace', 'team-a');
}, 600_000);

afterAll(() => kubernetes?.stop());

beforeEach(async () => {
  open = [];
  state = createMemoryState<CopyRecord>({ log: logger });
  name = `sync-${++count}`;
  const applied = await kubernetes.kubectl(['apply', '-f', '-'], exampleManifest.replace(/name: \S+/, `name: ${name}`));
  if (applied.code !== 0) throw new Error(applied.stderr);
});

afterEach(async () => {
  await Promise.all(
    open.map(async ({ manifests, client }) => {
      await manifests.close();
      await client.close();
    }),
  );
  await state.close();
  await kubectl('delete', 'vss', '-n', 'team-a', '--all', '--wait=false');
});

async function kubectl(...args: string[]): Promise<string> {
  const result = await kubernetes.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

async function object() {
  return JSON.parse(await kubectl('get', 'vss', name, '-n', 'team-a', '-o', 'json')) as {
    metadata: { resourceVersion: string; annotations: Record<string, string>; finalizers?: string[] };
    status?: SyncStatus;
  };
}

/** What one replica sees of the API server, and the sync as it sees it. */
async function replica() {
  const client = await connectKubernetes({ kubeconfig: kubernetes.adminKubeconfig, logger });
  const manifests = new KubernetesManifests({ client, namespaces: [], logger });
  open.push({ manifests, client });
  const seen = new Map<string, VaultSecretSync>();
  await manifests.start({
    changed: (sync) => void seen.set(sync.name, sync),
    gone: (sync) => void seen.delete(sync.name),
  });
  const sync = () => {
    const found = seen.get(name);
    if (!found) throw new Error(`${name} is not seen yet`);
    return found;
  };
  await eventually(sync, { what: 'the sync to be seen' });
  return { manifests, sync };
}

describe('a status in Kubernetes', () => {
  test('counts as it was written at once, before the watch brings it back', async () => {
    const { manifests, sync } = await replica();

    const outcomes: string[] = [];
    for (const copies of ['0/3', '1/3', '2/3', '3/3']) {
      const before = manifests.statusOf(sync());
      outcomes.push(await manifests.writeStatus(sync(), { before, after: { ...before, copies } }));
    }

    expect(outcomes).toEqual(['written', 'written', 'written', 'written']);
    expect(manifests.statusOf(sync())).toEqual({ copies: '3/3' });
    expect((await object()).status).toEqual({ copies: '3/3' });
  });

  test('that another replica wrote meanwhile is not overwritten, but seen', async () => {
    const [one, other] = [await replica(), await replica()];
    const before = other.manifests.statusOf(other.sync());

    await one.manifests.writeStatus(one.sync(), { before: null, after: { destinations: [place] } });
    const outcome = await other.manifests.writeStatus(other.sync(), { before, after: { copies: '1/1' } });
    const status = await eventually(() => other.manifests.statusOf(other.sync()), { what: 'the status of the other' });

    expect(outcome).toBe('outdated');
    expect(status).toEqual({ destinations: [place] });
  });

  test('that was worked out before an edit is outdated', async () => {
    const { manifests, sync } = await replica();
    const edited = sync();

    await kubectl('patch', 'vss', name, '-n', 'team-a', '--type=merge', '-p', '{"spec":{"refreshInterval":"7h"}}');
    const outcome = await manifests.writeStatus(edited, { before: null, after: { observedGeneration: 1 } });

    // The watch may have been faster: then the object is another one, but it still has no status.
    expect(outcome === 'outdated' || sync().generation === 2).toBe(true);
  });

  test('of a sync that is gone goes nowhere', async () => {
    const { manifests, sync } = await replica();
    const gone = sync();
    await kubectl('delete', 'vss', name, '-n', 'team-a');

    expect(await manifests.writeStatus(gone, { before: null, after: { copies: '1/1' } })).toBe('gone');
  });

  test('as long as it can be is taken by the API server', async () => {
    const { manifests, sync } = await replica();
    const long = (character: string) => character.repeat(100_000);
    const status = statusOf({
      sync: sync(),
      previous: {
        destinations: Array.from({ length: 64 }, (_, index) => ({
          destination: `aws:${index}:123456789012`,
          roleArn: `arn:aws:iam::123456789012:role/${'r'.repeat(200)}`,
        })),
      },
      error: fixSpec('Long', long('😀')),
      counts: Object.fromEntries(
        Array.from({ length: 64 }, (_, index) => [`aws:${index}:123456789012`, { synced: 100_000, failed: 9 }]),
      ),
      failures: Array.from({ length: 10 }, () => ({
        destination: 'gcp:p',
        name: long('n'),
        reason: 'R',
        message: long('\u0001'),
        state: 'failed',
        stalled: true,
      })),
      stopped: null,
      swept: new Map([['aws:1:123456789012', long('u')]]),
      progress: { generation: 1, createdAt: sync().createdAt, at: 0, requestedAt: long('q') },
      trouble: null,
      mounts: Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`m${index}`, 'u'])),
      plan: { create: 100_000 },
      lagSeconds: 1,
      nextReconcileAt: 0,
      now: 0,
    });

    const outcome = await manifests.writeStatus(sync(), { before: null, after: status });

    expect(outcome).toBe('written');
    expect((await object()).status).toEqual(status);
  });

  test('is not written anew by an operator that was restarted', async () => {
    const before = await replica();
    await writeOnce(before);
    const { resourceVersion } = (await object()).metadata;

    await writeOnce(await replica());

    expect((await object()).status?.conditions).toHaveLength(4);
    expect((await object()).metadata.resourceVersion).toBe(resourceVersion);
  });

  /** Lets a writer work the status out and write it if it must. */
  async function writeOnce({ manifests, sync }: Awaited<ReturnType<typeof replica>>): Promise<void> {
    const syncs = new Syncs({ vaults: [mainVault], installation: 'test' });
    syncs.set(sync());
    const writer = new StatusWriter({ syncs, state, manifests, logger, random: () => 0, now: Date.now });
    writer.touch(`team-a/${name}`);
    await writer.close();
  }
});

describe('metadata in Kubernetes', () => {
  const finalizer = 'vaultsecretsync.dev/copies';

  test('gets and loses the finalizer, though others change the object all the time', async () => {
    const { manifests, sync } = await replica();
    await kubectl('patch', 'vss', name, '-n', 'team-a', '--type=merge', '-p', '{"metadata":{"finalizers":["x.y/z"]}}');

    await manifests.setFinalizer(sync(), true);
    await manifests.setFinalizer(sync(), true);
    const held = (await object()).metadata.finalizers;
    await kubectl('annotate', 'vss', name, '-n', 'team-a', 'team=a');
    await eventually(() => sync().annotations['team'] === 'a', { what: 'the annotation' });
    await manifests.setFinalizer(sync(), false);

    expect(held).toEqual(['x.y/z', finalizer]);
    expect((await object()).metadata.finalizers).toEqual(['x.y/z']);
    await kubectl('patch', 'vss', name, '-n', 'team-a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  });

  test('loses annotations that were followed, and keeps one that asks for something else by now', async () => {
    const { manifests, sync } = await replica();
    await kubectl('annotate', 'vss', name, '-n', 'team-a', 'force-sync=first', 'op=update');
    await eventually(() => sync().annotations['force-sync'] === 'first', { what: 'the request' });
    const followed = sync();

    await kubectl('annotate', 'vss', name, '-n', 'team-a', '--overwrite', 'force-sync=second');
    await eventually(() => sync().annotations['force-sync'] === 'second', { what: 'the next request' });
    await manifests.removeAnnotations(followed, ['force-sync', 'op']);

    const { annotations } = (await object()).metadata;
    expect(annotations['force-sync']).toBe('second');
    expect(annotations['op']).toBeUndefined();
  });
});
