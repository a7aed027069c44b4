import { resolve } from 'node:path';
import { eventually } from '../peers/processes.ts';
import type { KubernetesPeer } from '../peers/start-kubernetes.ts';

/** Applies our custom resource definition, and waits until the API server serves it. */
export async function applyDefinitions(kubernetes: KubernetesPeer): Promise<void> {
  const applied = await kubernetes.kubectl(['apply', '--server-side', '-f', resolve('deploy/crds')]);
  if (applied.code !== 0) throw new Error(applied.stderr);
  const served = async () =>
    (await kubernetes.api('GET', '/apis/vaultsecretsync.dev/v1alpha1/vaultsecretsyncs')).status === 200;
  await eventually(served, { what: 'the custom resource' });
}
