import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectKubernetes } from '../../src/kubernetes/connect.ts';
import type { KubernetesClient, KubernetesObject } from '../../src/kubernetes/contract.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually } from '../peers/processes.ts';
import { providePeer } from '../peers/provision.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { chart, fewestValues, helm, mostValues, release, releaseNamespace, render, type Values } from './chart.ts';
import { podOf } from './pod.ts';

const operatorName = 'vault-secret-sync-operator';
const webhookName = 'vault-secret-sync-webhook';
const sync = {
  apiVersion: 'vaultsecretsync.dev/v1alpha1',
  kind: 'VaultSecretSync',
  metadata: { name: 'app', namespace: 'team-a' },
  spec: { source: { path: 'secret/team-a/app' }, dest: [{ aws: { region: 'eu-west-1' } }] },
};

let kubernetes: KubernetesPeer;
/** What `helm install` said. */
let notes: string;

beforeAll(async () => {
  await providePeer('helm');
  kubernetes = await startKubernetes();
  for (const namespace of [releaseNamespace, 'everything', 'single', 'team-a', 'team-b'])
    await createNamespace(namespace);
  await must(kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(serviceMonitors)));
  // A real installation with the fewest values; the definition of the custom resource comes with it.
  const install = ['install', release, chart, '--namespace', releaseNamespace, '--values', 'VALUES'];
  notes = await must(helm([...install, '--kubeconfig', kubernetes.adminKubeconfig], fewestValues));
  const applied = async () => (await kubernetes.kubectl(['apply', '-f', '-'], JSON.stringify(sync))).code === 0;
  await eventually(applied, { what: 'the custom resource' });
}, 900_000);

afterAll(() => kubernetes?.stop());

/** Pods that break the Pod Security Standard `restricted` are refused there. */
async function createNamespace(name: string): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const { status } = await kubernetes.api('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  expect(status).toBe(201);
}

/** Of the Prometheus operator, which is not here; as much of it as takes any object. */
const serviceMonitors = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { kind: 'ServiceMonitor', plural: 'servicemonitors' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

async function must(command: Promise<{ code: number; stdout: string; stderr: string }>): Promise<string> {
  const { code, stdout, stderr } = await command;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

describe('helm install', () => {
  test('makes the custom resource, established', async () => {
    const stored = await must(
      kubernetes.kubectl(['wait', '--for=condition=Established', 'crd/vaultsecretsyncs.vaultsecretsync.dev']),
    );

    expect(stored).toContain('condition met');
  });

  test('says which namespaces may copy, and how Vault is pointed here', () => {
    expect(notes).toContain('settings.policies lets these namespaces copy secrets: *');
    expect(notes).toContain('https://vault-secret-sync-webhook.vault-secret-sync.svc:8080/events/main');
    expect(notes.indexOf('vault audit enable file')).toBeLessThan(notes.indexOf('/events/main'));
  });
});

describe('kubectl apply takes what helm template renders', () => {
  const variants: readonly (readonly [string, Values, number])[] = [
    ['everything', mostValues, 2],
    ['single', { ...mostValues, mode: 'single' }, 1],
  ];

  test.each(variants)('%s', async (namespace, values, deployments) => {
    const { text } = await render(values, '--namespace', namespace, '--include-crds');

    await must(
      kubernetes.kubectl(['apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', '-'], text),
    );

    const stored = await must(kubernetes.kubectl(['-n', namespace, 'get', 'deployments', '-o', 'name']));
    expect(stored.trim().split('\n')).toHaveLength(deployments);
  });

  test.each([
    ['operator', fewestValues, operatorName],
    ['webhook', fewestValues, webhookName],
    ['operator with everything', mostValues, operatorName],
    ['webhook with everything', mostValues, webhookName],
    ['single', { ...mostValues, mode: 'single' }, release],
  ])('its pod meets the Pod Security Standard restricted: %s', async (_title, values, name) => {
    const { objects } = await render(values);
    const { template } = podOf(objects, name).deployment.spec;
    const pod = { metadata: { ...template.metadata, name: 'pod' }, spec: template.spec };

    const answer = await kubernetes.api('POST', `/api/v1/namespaces/${releaseNamespace}/pods?dryRun=All`, pod);

    expect(answer).toMatchObject({ status: 201 });
  });
});

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Everything a ServiceAccount of the release may do in a namespace, beyond asking about itself as everybody may. */
async function rightsOf(serviceAccount: string, { from, to }: { from: string; to: string }): Promise<string[]> {
  const kubeconfig = await kubernetes.serviceAccountKubeconfig({ namespace: from, serviceAccount });
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace: to },
  };
  const create = ['create', '--validate=false', '-f', '-', '-o', 'json', '--kubeconfig', kubeconfig];
  const { status } = JSON.parse(await must(kubernetes.kubectl(create, JSON.stringify(review))));
  return (status.resourceRules as Rule[])
    .filter(({ resources }) => !resources.some((resource) => resource.startsWith('self')))
    .flatMap(({ verbs, resources, resourceNames = [] }) =>
      verbs.map((verb) => [verb, ...resources, ...resourceNames].join(' ')),
    )
    .sort();
}

const onSyncs = [
  'create events',
  'list vaultsecretsyncs',
  'patch vaultsecretsyncs',
  'patch vaultsecretsyncs/status',
  'watch vaultsecretsyncs',
];

describe('the operator may do in Kubernetes', () => {
  test('what it must in any namespace, and nothing more', async () => {
    const rights = await rightsOf(operatorName, { from: releaseNamespace, to: 'team-a' });

    expect(rights).toEqual([...onSyncs, 'get namespaces kube-system'].sort());
  });

  test('in its own namespace also make Secrets, and read the one with the fingerprint key', async () => {
    const rights = await rightsOf(operatorName, { from: releaseNamespace, to: releaseNamespace });

    const own = ['create secrets', 'get secrets vault-secret-sync-fingerprint-key', 'get namespaces kube-system'];
    expect(rights).toEqual([...onSyncs, ...own].sort());
  });

  test('nothing outside the namespaces that the settings name', async () => {
    const named = await rightsOf(operatorName, { from: 'everything', to: 'team-b' });
    const elsewhere = await rightsOf(operatorName, { from: 'everything', to: 'default' });
    const own = await rightsOf(operatorName, { from: 'everything', to: 'everything' });

    expect({ named, elsewhere, own }).toEqual({ named: onSyncs, elsewhere: [], own: [] });
  });
});

test('the webhook may do nothing in Kubernetes', async () => {
  const rights = await rightsOf(webhookName, { from: releaseNamespace, to: releaseNamespace });

  expect(rights).toEqual([]);
});

describe('with those rights', () => {
  let client: KubernetesClient;

  beforeAll(async () => {
    const asOperator = { namespace: releaseNamespace, serviceAccount: operatorName };
    const kubeconfig = await kubernetes.serviceAccountKubeconfig(asOperator);
    client = await connectKubernetes({ kubeconfig, logger: createLogger({ level: 'silent' }) });
  });

  afterAll(() => client?.close());

  test('the operator makes its fingerprint key once, and cannot read another Secret', async () => {
    const secret = { namespace: releaseNamespace, name: 'vault-secret-sync-fingerprint-key', key: 'key' };
    const other = { namespace: releaseNamespace, name: 'vss-redis', key: 'url' };

    const made = await client.getOrCreateSecret({ ...secret, make: () => Buffer.from('made by the first') });
    const found = await client.getOrCreateSecret({ ...secret, make: () => Buffer.from('made by the second') });

    expect([made.toString(), found.toString()]).toEqual(['made by the first', 'made by the first']);
    await expect(client.getSecretKey(other)).rejects.toThrow(/secrets/);
  });

  test('the operator sees syncs, sets their status and finalizers, and announces', async () => {
    const resource = { group: 'vaultsecretsync.dev', version: 'v1alpha1', plural: 'vaultsecretsyncs' };
    const reflector = client.reflect<KubernetesObject>({ resource, onChange: () => {}, onDelete: () => {} });
    await reflector.synced;
    const object = reflector.store.get('team-a', 'app');
    const ref = { resource, namespace: 'team-a', name: 'app' };

    const status = await client.patchStatus(ref, { copies: '1/1' });
    const version = status.outcome === 'patched' ? status.resourceVersion : '';
    const finalizers = await client.patchMetadata(ref, { finalizers: ['vaultsecretsync.dev/copies'] }, version);
    const regarding = { ...ref, kind: 'VaultSecretSync', ...(object ? { uid: object.metadata.uid } : {}) };
    await client.recordEvent({
      regarding,
      type: 'Normal',
      reason: 'Tested',
      action: 'Reconcile',
      message: 'all is well',
    });

    expect([status.outcome, finalizers.outcome]).toEqual(['patched', 'patched']);
    const events = await must(
      kubernetes.kubectl(['-n', 'team-a', 'get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].note}']),
    );
    expect(events).toBe('all is well');
  });

  test('the operator finds the uid that names the installation', async () => {
    const uid = await client.kubeSystemUid();

    expect(uid).toMatch(/^[0-9a-f-]{36}$/);
  });
});
