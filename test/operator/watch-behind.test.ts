import { beforeEach, expect, test } from '@jest/globals';
import { apiVersion, type VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import type { KubernetesClient, KubernetesObject, ReflectOptions } from '../../src/kubernetes/contract.ts';
import { createLogger } from '../../src/logging.ts';
import { KubernetesManifests } from '../../src/operator/manifests/kubernetes.ts';

/** An API server whose watch shows what it is told to, when it is told to. */
class SlowWatch {
  #object: KubernetesObject & { readonly status?: unknown };
  #options: ReflectOptions<KubernetesObject> | null = null;
  #version = 1;
  /** Called when a patch was taken, before its answer is there. */
  beforeAnswer: () => void = () => undefined;

  constructor() {
    this.#object = objectAt('1', undefined);
  }

  readonly client = {
    reflect: (options: ReflectOptions<KubernetesObject>) => {
      this.#options = options;
      options.onChange(this.#object);
      const store = { get: () => this.#object, list: () => [this.#object] };
      return { synced: Promise.resolve(true), store, problem: () => null, stop: async () => undefined };
    },
    patchStatus: async () => {
      this.#version += 1;
      const resourceVersion = String(this.#version);
      this.beforeAnswer();
      return { outcome: 'patched', resourceVersion };
    },
  } as unknown as KubernetesClient;

  show(resourceVersion: string, status: unknown): void {
    this.#object = objectAt(resourceVersion, status);
    this.#options?.onChange(this.#object);
  }
}

function objectAt(resourceVersion: string, status: unknown) {
  return {
    apiVersion,
    metadata: {
      namespace: 'team-a',
      name: 'db',
      uid: 'one',
      resourceVersion,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { source: { path: 'secret/app' }, dest: [{ aws: {} }] },
    ...(status === undefined ? {} : { status }),
  };
}

let watch: SlowWatch;
let manifests: KubernetesManifests;
let sync: VaultSecretSync;

beforeEach(async () => {
  watch = new SlowWatch();
  manifests = new KubernetesManifests({
    client: watch.client,
    namespaces: [],
    logger: createLogger({ level: 'silent' }),
  });
  await manifests.start({
    changed(seen) {
      sync = seen;
    },
    gone: () => undefined,
  });
});

function write(copies: string) {
  const before = manifests.statusOf(sync);
  return manifests.writeStatus(sync, { before, after: { copies } });
}

test('a status that was written counts while the watch shows one that we wrote before it', async () => {
  await write('0/3');

  watch.beforeAnswer = () => watch.show('2', { copies: '0/3' });
  await write('1/3');
  const during = manifests.statusOf(sync);
  watch.show('3', { copies: '1/3' });

  expect(during).toEqual({ copies: '1/3' });
  expect(manifests.statusOf(sync)).toEqual({ copies: '1/3' });
});

test('what the watch shows of a later version counts, even before the answer to our own write', async () => {
  watch.beforeAnswer = () => watch.show('3', { copies: 'of another replica' });

  await write('1/3');

  expect(manifests.statusOf(sync)).toEqual({ copies: 'of another replica' });
});
