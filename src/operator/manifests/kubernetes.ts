import { setTimeout as sleep } from 'node:timers/promises';
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
import { SyncError } from '../../errors.ts';
import type {
  KubernetesClient,
  KubernetesObject,
  MetadataChange,
  ObjectRef,
  Reflector,
} from '../../kubernetes/contract.ts';
import type { Logger } from '../../logging.ts';
import { createCheck, type Problem } from '../../schema.ts';
import type { Announcement, ManifestHandlers, Manifests, StatusChange, StatusOutcome } from './contract.ts';

const resource = { group, version, plural };

/** Tries of a change to metadata, and the milliseconds between them: the watch tells of others' changes well within. */
const tries = 20;
const betweenTriesMs = 100;

interface SyncObject extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: SyncStatus;
}

const checkSpec = createCheck(Spec);

/** What we last wrote of an object. */
interface Patched {
  /** The version that the watch had shown by then. */
  seen: string;
  readonly resourceVersion: string;
  readonly status: SyncStatus | null;
}

/** An object as far as we know it: what the watch has shown, or what we wrote since. */
interface Known {
  readonly object: SyncObject;
  readonly resourceVersion: string;
  readonly status: SyncStatus | null;
}

/**
 * Manifests in Kubernetes, with their status and their Events.
 *
 * Several replicas write one status, so each write carries the version that it was worked out from: of two, one is
 * refused and looks again. What we wrote ourselves counts as seen at once, for the watch takes a while to bring it back.
 */
export class KubernetesManifests implements Manifests {
  readonly #client: KubernetesClient;
  readonly #namespaces: readonly string[];
  readonly #logger: Logger;
  #reflector: Reflector<SyncObject> | null = null;
  /** By uid, for as long as the watch has shown nothing newer. */
  readonly #patched = new Map<string, Patched>();

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
        const { uid, resourceVersion } = object.metadata;
        const patched = this.#patched.get(uid);
        // The watch may still bring what was there before our latest patch.
        if (patched && isOlder(resourceVersion, patched.resourceVersion)) patched.seen = resourceVersion;
        else if (patched?.seen !== resourceVersion) this.#patched.delete(uid);
        const sync = this.#read(object);
        if (sync) handlers.changed(sync);
      },
      onDelete: (object) => {
        this.#patched.delete(object.metadata.uid);
        const sync = this.#read(object);
        if (sync) handlers.gone(sync);
      },
    });
    await this.#reflector.synced;
  }

  statusOf(sync: VaultSecretSync): SyncStatus | null {
    return this.#known(sync)?.status ?? null;
  }

  async writeStatus(sync: VaultSecretSync, { before, after }: StatusChange): Promise<StatusOutcome> {
    const known = this.#known(sync);
    if (!known) return 'gone';
    if (known.status !== before) return 'outdated';
    const patched = await this.#client.patchStatus(refOf(known.object), after, known.resourceVersion);
    if (patched.outcome === 'conflict') return 'outdated';
    if (patched.outcome === 'gone') return 'gone';
    this.#remember({ ...known, resourceVersion: patched.resourceVersion, status: after });
    return 'written';
  }

  setFinalizer(sync: VaultSecretSync, present: boolean): Promise<void> {
    return this.#changeMetadata(sync, ({ metadata: { finalizers = [] } }) => {
      if (finalizers.includes(finalizer) === present) return null;
      return { finalizers: present ? [...finalizers, finalizer] : finalizers.filter((name) => name !== finalizer) };
    });
  }

  removeAnnotations(sync: VaultSecretSync, names: readonly string[]): Promise<void> {
    return this.#changeMetadata(sync, ({ metadata: { annotations = {} } }) => {
      const same = names.filter((name) => name in annotations && annotations[name] === sync.annotations[name]);
      return same.length === 0 ? null : { annotations: Object.fromEntries(same.map((name) => [name, null])) };
    });
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

  #known(sync: VaultSecretSync): Known | null {
    const object = this.#reflector?.store.get(sync.namespace, sync.name);
    if (!object) return null;
    const { uid, resourceVersion } = object.metadata;
    const patched = this.#patched.get(uid);
    if (patched?.seen === resourceVersion) return { object, ...patched };
    return { object, resourceVersion, status: object.status ?? null };
  }

  #remember({ object, resourceVersion, status }: Known): void {
    const { uid, namespace, name, resourceVersion: before } = object.metadata;
    const latest = this.#reflector?.store.get(namespace, name)?.metadata;
    if (latest?.uid !== uid) return;
    // Meanwhile the watch may have brought an earlier patch of ours, or this one and what came after it.
    const seen = latest.resourceVersion;
    if (seen === before || isOlder(seen, resourceVersion)) this.#patched.set(uid, { seen, resourceVersion, status });
  }

  /** `changeOf` tells what to change; null = nothing. Asked again when somebody else was faster. */
  async #changeMetadata(sync: VaultSecretSync, changeOf: (object: SyncObject) => MetadataChange | null): Promise<void> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const known = this.#known(sync);
      const change = known && changeOf(known.object);
      if (!known || !change) return;
      const patched = await this.#client.patchMetadata(refOf(known.object), change, known.resourceVersion);
      if (patched.outcome === 'patched') this.#remember({ ...known, resourceVersion: patched.resourceVersion });
      if (patched.outcome !== 'conflict') return;
      await sleep(betweenTriesMs, undefined, { ref: false });
    }
    throw new SyncError({
      remedy: 'Retry',
      reason: 'KeepsChanging',
      message: `the metadata of ${syncKeyOf(sync)} changed under our hands ${tries} times in a row; it is tried again`,
    });
  }

  /** Null for an object that the API server should not have let in. */
  #read(object: SyncObject): VaultSecretSync | null {
    const read = readObject(object);
    if ('sync' in read) return read.sync;
    const { path, message } = read.problem;
    const sync = syncKeyOf(object.metadata);
    this.#logger.error({ sync, path, problem: message }, specRefused);
    return null;
  }
}

/** Every sync in these namespaces (none named: in all), and what the API server should not have let in, by name. */
export async function readCluster(
  client: Pick<KubernetesClient, 'list'>,
  namespaces: readonly string[],
): Promise<{ readonly syncs: readonly VaultSecretSync[]; readonly bad: readonly BadObject[] }> {
  const syncs: VaultSecretSync[] = [];
  const bad: BadObject[] = [];
  for (const object of await client.list<SyncObject>({ resource, namespaces })) {
    const read = readObject(object);
    if ('sync' in read) syncs.push(read.sync);
    else bad.push({ ...nameOf(object), message: `${read.problem.path}: ${read.problem.message}; ${specRefused}` });
  }
  return { syncs, bad };
}

export interface BadObject {
  readonly namespace: string;
  readonly name: string;
  readonly message: string;
}

function nameOf({ metadata: { namespace, name } }: KubernetesObject): { namespace: string; name: string } {
  return { namespace, name };
}

const specRefused = 'spec refused: does the CRD fit this version of the operator?';

/** A sync, or what is wrong with it where the CRD is an older or newer one. */
function readObject({
  metadata,
  spec,
  status,
}: SyncObject): { readonly sync: VaultSecretSync } | { readonly problem: Problem } {
  const checked = checkSpec(spec);
  if (!('value' in checked)) return { problem: checked.problems[0] };
  const sync = {
    namespace: metadata.namespace,
    name: metadata.name,
    generation: metadata.generation ?? 1,
    annotations: metadata.annotations ?? {},
    createdAt: Date.parse(metadata.creationTimestamp),
    deleting: metadata.deletionTimestamp !== undefined,
    spec: checked.value,
    status: status ?? null,
  };
  return { sync };
}

function refOf({ metadata }: KubernetesObject): ObjectRef {
  return { resource, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid };
}

/** Kubernetes: resource versions of one resource are decimal numbers that grow; what is none is taken for newer. */
function isOlder(one: string, other: string): boolean {
  const isNumber = /^[0-9]+$/;
  return isNumber.test(one) && isNumber.test(other) && BigInt(one) < BigInt(other);
}
