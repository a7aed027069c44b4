import { SyncError } from '../../src/errors.ts';
import type { MountInfo, SecretPlace, SecretRead, VaultReader } from '../../src/vault/contract.ts';
import type { JsonObject } from '../../src/vault/json.ts';

/** One mount of KV v2 in memory, as Vault answers for it. */
export class FakeVault implements VaultReader {
  readonly #now: () => number;
  readonly #secrets = new Map<string, { versions: Version[] }>();
  /** Thrown by every read and listing while it is set. */
  failing: SyncError | null = null;
  mountUuid = 'uuid-1';
  reads = 0;
  listings = 0;
  /** Called within a read, after Vault has made up its answer. */
  duringRead: (() => void | Promise<void>) | null = null;
  /** A standby's answer in place of the true one. */
  lagging: SecretRead | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  put(name: string, data: JsonObject): void {
    const secret = this.#secrets.get(name) ?? { versions: [] };
    this.#secrets.set(name, secret);
    secret.versions.push({ data, createdTime: new Date(this.#now()).toISOString(), gone: null });
  }

  /** `kv delete` of the latest version. */
  delete(name: string): void {
    this.#end(name, 'deleted');
  }

  undelete(name: string): void {
    const latest = this.#secrets.get(name)?.versions.at(-1);
    if (latest?.gone === 'deleted') latest.gone = null;
  }

  destroy(name: string): void {
    this.#end(name, 'destroyed');
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
  answer(name: string): SecretRead {
    const versions = this.#secrets.get(name)?.versions ?? [];
    const latest = versions.at(-1);
    if (!latest) {
      return { found: false, because: 'notFound', version: null, createdTime: null, mountUuid: this.mountUuid };
    }
    const { data, createdTime, gone } = latest;
    const version = versions.length;
    if (gone) return { found: false, because: gone, version, createdTime, mountUuid: null };
    return { found: true, version, createdTime, data, customMetadata: {} };
  }

  async read(place: SecretPlace, signal: AbortSignal): Promise<SecretRead> {
    this.reads++;
    signal.throwIfAborted();
    if (this.failing) throw this.failing;
    const answer = this.lagging ?? this.answer(place.name);
    await this.duringRead?.();
    return answer;
  }

  async *list({ prefix }: { prefix: string }): AsyncGenerator<string> {
    this.listings++;
    if (this.failing) throw this.failing;
    for (const name of this.names()) if (name.startsWith(prefix)) yield name;
  }

  async mount(): Promise<MountInfo> {
    if (this.failing) throw this.failing;
    return { kvVersion: 2, uuid: this.mountUuid };
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  #end(name: string, gone: 'deleted' | 'destroyed'): void {
    const latest = this.#secrets.get(name)?.versions.at(-1);
    if (latest) latest.gone = gone;
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
