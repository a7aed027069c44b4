import type { SyncStatus } from '../../crd/status.ts';
import {
  finalizer,
  group,
  kind,
  plural,
  Spec,
  syncKeyOf,
  type VaultSecretSync,
  version,
} from '../../crd/vault-secret-sync.ts';
import type { KubernetesClient, KubernetesObject, ObjectRef, Reflector } from '../../kubernetes/contract.ts';
import type { Logger } from '../../logging.ts';
import { createCheck } from '../../schema.ts';
import type { Announcement, ManifestHandlers, Manifests } from './contract.ts';

const resource = { group, version, plural };

interface SyncObject extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: SyncStatus;
}

const checkSpec = createCheck(Spec);

/** Manifests in Kubernetes, with their status and their Events. */
export class KubernetesManifests implements Manifests {
  readonly #client: KubernetesClient;
  readonly #namespaces: readonly string[];
  readonly #logger: Logger;
  #reflector: Reflector<SyncObject> | null = null;
  /** Statuses last written, as text, by uid: an unchanged one is not written again. */
  readonly #written = new Map<string, string>();

  constructor(options: { client: KubernetesClient; namespaces: readonly string[]; logger: Logger }) {
    this.#client = options.client;
    this.#namespaces = options.namespaces;
    this.#logger = options.logger;
  }

  async start(handlers: ManifestHandlers): Promise<void> {
    this.#reflector = this.#client.reflect<SyncObject>({
      resource,
      namespaces: this.#namespaces,
      onChange: (object) => {
        const sync = this.#read(object);
        if (sync) handlers.changed(sync);
      },
      onDelete: (object) => {
        this.#written.delete(object.metadata.uid);
        const sync = this.#read(object);
        if (sync) handlers.gone(sync);
      },
    });
    await this.#reflector.synced;
  }

  async writeStatus(sync: VaultSecretSync, status: SyncStatus): Promise<void> {
    const object = this.#reflector?.store.get(sync.namespace, sync.name);
    if (!object) return;
    const words = JSON.stringify(status);
    if (this.#written.get(object.metadata.uid) === words) return;
    // No precondition on the version: the status is ours alone, whatever happens to the spec meanwhile.
    const { outcome } = await this.#client.patchStatus(refOf(object), status);
    if (outcome === 'patched') this.#written.set(object.metadata.uid, words);
  }

  async setFinalizer(sync: VaultSecretSync, present: boolean): Promise<void> {
    const object = this.#reflector?.store.get(sync.namespace, sync.name);
    if (!object) return;
    const { finalizers = [], resourceVersion } = object.metadata;
    if (finalizers.includes(finalizer) === present) return;
    const wanted = present ? [...finalizers, finalizer] : finalizers.filter((name) => name !== finalizer);
    const { outcome } = await this.#client.patchMetadata(refOf(object), { finalizers: wanted }, resourceVersion);
    // The watch brings the newer object, and with it another try.
    if (outcome === 'conflict')
      throw new Error(`the finalizer of ${syncKeyOf(sync)} could not be set: it changed meanwhile`);
  }

  announce(sync: VaultSecretSync, { type, reason, message }: Announcement): void {
    this.#logger[type === 'Warning' ? 'warn' : 'info']({ sync: syncKeyOf(sync), reason }, message);
    const object = this.#reflector?.store.get(sync.namespace, sync.name);
    if (!object) return;
    const regarding = { ...refOf(object), kind };
    this.#client.recordEvent({ regarding, type, reason, action: 'Reconcile', message }).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'event not recorded');
    });
  }

  problem(): string | null {
    return this.#reflector ? this.#reflector.problem() : 'manifests are not listed yet';
  }

  async close(): Promise<void> {
    await this.#reflector?.stop();
  }

  /** Null for an object that the API server should not have let in (an older or newer CRD). */
  #read(object: SyncObject): VaultSecretSync | null {
    const { metadata } = object;
    const checked = checkSpec(object.spec);
    if (!('value' in checked)) {
      const [{ path, message }] = checked.problems;
      const sync = `${metadata.namespace}/${metadata.name}`;
      this.#logger.error(
        { sync, path, problem: message },
        'spec refused: does the CRD fit this version of the operator?',
      );
      return null;
    }
    return {
      namespace: metadata.namespace,
      name: metadata.name,
      generation: metadata.generation ?? 1,
      annotations: metadata.annotations ?? {},
      createdAt: Date.parse(metadata.creationTimestamp),
      deleting: metadata.deletionTimestamp !== undefined,
      spec: checked.value,
      status: object.status ?? null,
    };
  }
}

function refOf({ metadata }: KubernetesObject): ObjectRef {
  return { resource, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid };
}
