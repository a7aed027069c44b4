import { SyncError } from '../../src/errors.ts';
import type { MountInfo, SecretPlace, SecretRead, VaultReader } from '../../src/vault/contract.ts';
import type { JsonObject } from '../../src/vault/json.ts';

/** One mount of KV in memory, as Vault answers for it, and others beside it; see `mounted`. */
export class FakeVault implements VaultReader {
  readonly #now: () => number;
  readonly #secrets = new Map<string, { versions: Version[]; metadata?: Readonly<Record<string, string>> }>();
  /** Thrown by every read and listing while it is set. */
  failing: SyncError | null = null;
  mountUuid = 'uuid-1';
  /** With 1 there are no versions, no metadata and no way to tell that a secret was there. */
  kvVersion: 1 | 2 = 2;
  reads = 0;
  listings = 0;
  /** Called within a read, after Vault has made up its answer. */
  duringRead: (() => void | Promise<void>) | null = null;
  /** A standby's answer in place of the true one. */
  lagging: SecretRead | null = null;

  readonly #mounts = new Map<string, FakeVault>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Another mount of the same Vault; this one answers for all that are not asked for here. */
  mounted(mount: string): FakeVault {
    const known = this.#mounts.get(mount);
    if (known) return known;
    const added = new FakeVault(this.#now);
    added.mountUuid = `uuid-of-${mount}`;
    this.#mounts.set(mount, added);
    return added;
  }

  put(name: string, data: JsonObject, metadata?: Readonly<Record<string, string>>): void {
    const secret = this.#secrets.get(name) ?? { versions: [] };
    this.#secrets.set(name, secret);
    if (metadata) secret.metadata = metadata;
    secret.versions.push({ data, createdTime: new Date(this.#now()).toISOString(), gone: null });
  }

  /** `kv metadata put`: what is said of the secret, without a new version. */
  setMetadata(name: string, metadata: Readonly<Record<string, string>>): void {
    const secret = this.#secrets.get(name);
    if (secret) secret.metadata = metadata;
  }

  /** `kv delete` of the latest version, or of another one. */
  delete(name: string, version?: number): void {
    this.#end(name, { gone: 'deleted', version });
  }

  undelete(name: string): void {
    const latest = this.#secrets.get(name)?.versions.at(-1);
    if (latest?.gone === 'deleted') latest.gone = null;
  }

  destroy(name: string, version?: number): void {
    this.#end(name, { gone: 'destroyed', version });
  }

  /** `kv metadata delete`: nothing of it is left. */
  deleteMetadata(name: string): void {
    this.#secrets.delete(name);
  }

  /** `kv` is disabled and enabled again: empty, and another mount. */
  remount(): void {
    this.#secrets.clear();
    this.mountUuid = `${this.mountUuid}+`;
  }

  names(): string[] {
    return [...this.#secrets.keys()];
  }

  /** What Vault says now, without counting as a read. */
  answer(name: string, pinned?: number): SecretRead {
    const { versions = [], metadata = {} } = this.#secrets.get(name) ?? {};
    // KV v1 has one content, whatever version is asked for.
    const version = (this.kvVersion === 2 ? pinned : undefined) ?? versions.length;
    const latest = versions[version - 1];
    if (!latest) {
      return { found: false, because: 'notFound', version: null, createdTime: null, mountUuid: this.mountUuid };
    }
    const { data, createdTime, gone } = latest;
    if (this.kvVersion === 1) return { found: true, version: 0, createdTime: null, data, customMetadata: {} };
    if (gone) return { found: false, because: gone, version, createdTime, mountUuid: null };
    return { found: true, version, createdTime, data, customMetadata: metadata };
  }

  async read(place: SecretPlace, signal: AbortSignal, options: { version?: number } = {}): Promise<SecretRead> {
    this.reads++;
    signal.throwIfAborted();
    const elsewhere = this.#mounts.get(place.mount);
    if (elsewhere) return elsewhere.read({ ...place, mount: '' }, signal, options);
    if (this.failing) throw this.failing;
    const answer = this.lagging ?? this.answer(place.name, options.version);
    await this.duringRead?.();
    return answer;
  }

  async *list({ mount, prefix }: { mount: string; prefix: string }): AsyncGenerator<string> {
    this.listings++;
    const elsewhere = this.#mounts.get(mount);
    if (elsewhere) return yield* elsewhere.list({ mount: '', prefix });
    if (this.failing) throw this.failing;
    for (const name of this.names()) if (name.startsWith(prefix)) yield name;
  }

  async mount({ mount }: { mount: string }): Promise<MountInfo> {
    const elsewhere = this.#mounts.get(mount);
    if (elsewhere) return elsewhere.mount({ mount: '' });
    if (this.failing) throw this.failing;
    return { kvVersion: this.kvVersion, uuid: this.mountUuid };
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  /** KV v1 keeps nothing of what is deleted. */
  #end(name: string, { gone, version }: { gone: 'deleted' | 'destroyed'; version: number | undefined }): void {
    if (this.kvVersion === 1) this.#secrets.delete(name);
    const { versions = [] } = this.#secrets.get(name) ?? {};
    const ended = versions[(version ?? versions.length) - 1];
    if (ended) ended.gone = gone;
  }
}

interface Version {
  readonly data: JsonObject;
  readonly createdTime: string;
  gone: 'deleted' | 'destroyed' | null;
}

export function sourceUnavailable(reason: string): SyncError {
  return new SyncError({ remedy: 'SourceUnavailable', reason, message: `Vault said no: ${reason}` });
}
