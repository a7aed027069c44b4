import { expect, test } from '@jest/globals';
import type { KubernetesClient } from '../../src/kubernetes/contract.ts';
import { readCluster } from '../../src/operator/manifests/kubernetes.ts';

const spec = { source: { path: 'secret/app' }, dest: [{ aws: {} }] };

function objectOf(name: string, more: object = {}): object {
  return {
    metadata: { namespace: 'team-a', name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec,
    ...more,
  };
}

test('a cluster is read as the operator sees it, and what does not fit the schema is told', async () => {
  const asked: unknown[] = [];
  const list = (async (options: unknown) => {
    asked.push(options);
    const metadata = { generation: 7, deletionTimestamp: '2026-01-02T00:00:00Z', annotations: { a: '1' } };
    const leaving = objectOf('leaving') as { metadata: object };
    return [
      objectOf('app', { status: { copies: '1/1' } }),
      { ...leaving, metadata: { ...leaving.metadata, ...metadata } },
      objectOf('odd', { spec: { ...spec, sourec: {} } }),
    ];
  }) as unknown as KubernetesClient['list'];

  const { syncs, bad } = await readCluster({ list }, ['team-a']);

  expect(asked).toEqual([
    {
      resource: { group: 'vaultsecretsync.dev', version: 'v1alpha1', plural: 'vaultsecretsyncs' },
      namespaces: ['team-a'],
    },
  ]);
  expect(syncs).toMatchObject([
    { name: 'app', generation: 1, createdAt: Date.parse('2026-01-01T00:00:00Z'), deleting: false, status: {} },
    { name: 'leaving', generation: 7, deleting: true, annotations: { a: '1' }, status: null },
  ]);
  expect(syncs[0]?.spec.deletionPolicy).toBe('Delete');
  expect(bad).toEqual([
    { namespace: 'team-a', name: 'odd', message: expect.stringMatching(/^sourec: unknown field.*does the CRD fit/) },
  ]);
});
