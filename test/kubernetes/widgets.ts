import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CustomObjectsApi } from '@kubernetes/client-node';
import { connectKubernetes } from '../../src/kubernetes/connect.ts';
import type { KubernetesClient, KubernetesObject } from '../../src/kubernetes/contract.ts';
import { loadKubeConfig } from '../../src/kubernetes/pooled-kube-config.ts';
import { createLogger } from '../../src/logging.ts';
import { eventually } from '../peers/processes.ts';
import type { KubernetesPeer } from '../peers/start-kubernetes.ts';
import { openGate, type TcpGate } from './tcp-gate.ts';

/** A custom resource of the tests: anything is a widget. */
export const widgets = { group: 'test.example.com', version: 'v1', plural: 'widgets' } as const;

export interface Widget extends KubernetesObject {
  readonly spec: { readonly colour: string };
  readonly status?: Readonly<Record<string, unknown>>;
}

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const status = { type: 'object', properties: { copies: { type: 'string' }, failures: { type: 'integer' } } };

export const widgetDefinition = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.example.com' },
  spec: {
    group: widgets.group,
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: widgets.plural, singular: 'widget' },
    versions: [
      {
        name: widgets.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status } } },
      },
    ],
  },
});

export async function applyWidgets(kubernetes: KubernetesPeer): Promise<void> {
  const applied = await kubernetes.kubectl(['apply', '-f', '-'], widgetDefinition);
  if (applied.code !== 0) throw new Error(applied.stderr);
  const served = async () => (await kubernetes.api('GET', '/apis/test.example.com/v1/widgets')).status === 200;
  await eventually(served, { what: 'widgets' });
}

/** Admin's hands on widgets, for what tests arrange. */
export function createHands(kubernetes: KubernetesPeer) {
  const config = loadKubeConfig({ kubeconfig: kubernetes.adminKubeconfig, requestLimitMs: 10_000 });
  const api = config.makeApiClient(CustomObjectsApi);
  const at = (namespace: string) => ({ ...widgets, namespace });
  return {
    async create(namespace: string, name: string, colour = 'red'): Promise<Widget> {
      const body = { apiVersion: 'test.example.com/v1', kind: 'Widget', metadata: { name }, spec: { colour } };
      return await api.createNamespacedCustomObject({ ...at(namespace), body });
    },
    paint: (namespace: string, name: string, colour: string): Promise<Widget> =>
      api.patchNamespacedCustomObject({
        ...at(namespace),
        name,
        body: [{ op: 'add', path: '/spec/colour', value: colour }],
      }),
    get: (namespace: string, name: string): Promise<Widget> =>
      api.getNamespacedCustomObject({ ...at(namespace), name }),
    remove: (namespace: string, name: string) => api.deleteNamespacedCustomObject({ ...at(namespace), name }),
    close: () => config.close(),
  };
}

export interface GatedClient {
  readonly client: KubernetesClient;
  readonly gate: TcpGate;
  close(): Promise<void>;
}

/** Our client behind a gate, as admin or with another kubeconfig. */
export async function connectThroughGate(
  kubernetes: KubernetesPeer,
  given: { kubeconfig?: string; requestLimitMs?: number } = {},
): Promise<GatedClient> {
  const { kubeconfig = kubernetes.adminKubeconfig, ...rest } = given;
  const gate = await openGate(Number(new URL(kubernetes.server).port));
  const folder = await mkdtemp(join(tmpdir(), 'vss-gate-'));
  const file = join(folder, 'kubeconfig');
  const text = await readFile(kubeconfig, 'utf8');
  await writeFile(file, text.replaceAll(kubernetes.server, `https://127.0.0.1:${gate.port}`));
  const client = await connectKubernetes({ kubeconfig: file, logger: createLogger({ level: 'silent' }), ...rest });
  return {
    client,
    gate,
    async close() {
      await client.close();
      await gate.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Runs `work` on each item, so many at a time. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<unknown>) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
