import { hostname } from 'node:os';
import { CoreV1Api, CustomObjectsApi, EventsV1Api } from '@kubernetes/client-node';
import { attempting } from './attempt.ts';
import type { ConnectOptions } from './connect.ts';
import type { KubernetesClient, KubernetesObject, ListOptions, ReflectOptions, Reflector } from './contract.ts';
import { createRecorder } from './events.ts';
import { usualTimes } from './follow.ts';
import { listAll } from './list.ts';
import { createObjectSource } from './object-source.ts';
import { patchMetadata, patchStatus } from './patches.ts';
import { loadKubeConfig } from './pooled-kube-config.ts';
import { startReflector } from './reflector.ts';
import { getOrCreateSecret, getSecret, getSecretKey } from './secrets.ts';
import { requestToken } from './tokens.ts';

/** Composes the client; reached only through `connectKubernetes`. */
export function openClient(options: ConnectOptions): KubernetesClient {
  const { logger, requestLimitMs = 30_000 } = options;
  const config = loadKubeConfig({ kubeconfig: options.kubeconfig, context: options.context, requestLimitMs });
  const core = config.makeApiClient(CoreV1Api);
  const customObjects = config.makeApiClient(CustomObjectsApi);
  const reflectors = new Set<Pick<Reflector<KubernetesObject>, 'stop'>>();
  const now = () => performance.now();

  return {
    server: config.getCurrentCluster()?.server ?? '',
    list<Kind extends KubernetesObject>(asked: ListOptions) {
      const { resource } = asked;
      return listAll(asked, (namespace) => createObjectSource<Kind>(config, { resource, namespace }));
    },
    reflect<Kind extends KubernetesObject>(asked: ReflectOptions<Kind>) {
      const { resource } = asked;
      const sourceOf = (namespace: string | null) => createObjectSource<Kind>(config, { resource, namespace });
      const reflector = startReflector(asked, { sourceOf, logger, times: usualTimes, random: Math.random, now });
      reflectors.add(reflector);
      return reflector;
    },
    patchStatus: (ref, status, resourceVersion) => patchStatus(customObjects, { ref, status, resourceVersion }),
    patchMetadata: (ref, change, resourceVersion) => patchMetadata(customObjects, { ref, change, resourceVersion }),
    recordEvent: createRecorder({
      api: config.makeApiClient(EventsV1Api),
      logger,
      now: () => Date.now(),
      instance: hostname(),
    }),
    async kubeSystemUid() {
      const name = 'kube-system';
      const attempt = { verb: 'get', group: '', resource: 'namespaces', name } as const;
      const { metadata } = await attempting(attempt, () => core.readNamespace({ name }));
      if (!metadata?.uid) throw new Error('a namespace without a uid');
      return metadata.uid;
    },
    getSecret: (secret) => getSecret(core, secret),
    getSecretKey: (secret) => getSecretKey(core, secret),
    getOrCreateSecret: (secret) => getOrCreateSecret(core, secret),
    requestToken: (request) => requestToken(core, request),
    async close() {
      await Promise.all([...reflectors].map((reflector) => reflector.stop()));
      await config.close();
    },
  };
}
