import type { JsonObject } from './json.ts';

/** A place in one Vault. `namespace` and `mount` have no leading or trailing slash; root is ''. */
export interface MountPlace {
  readonly namespace: string;
  readonly mount: string;
}

export interface SecretPlace extends MountPlace {
  /** The name within the mount, not percent-encoded, e.g. `app/db`. */
  readonly name: string;
}

/** What Vault says of a mount (`sys/internal/ui/mounts`). */
export interface MountInfo {
  readonly kvVersion: 1 | 2;
  /** Changes when the mount is disabled and enabled again. */
  readonly uuid: string;
}

export interface FoundSecret {
  readonly found: true;
  /** KV v2 version; 0 for KV v1, which has none. */
  readonly version: number;
  /** RFC 3339; null for KV v1. */
  readonly createdTime: string | null;
  /** Numbers keep every digit they have in Vault. */
  readonly data: JsonObject;
  readonly customMetadata: Readonly<Record<string, string>>;
}

/**
 * Vault said that there is no such secret now. `deleted` and `destroyed` are proofs in themselves (KV v2 says so with
 * metadata). `notFound` (404 with exactly `{"errors":[]}`) proves absence only if `mountUuid`, read just after it, is the
 * uuid the reader remembers: a mount made anew answers the same.
 */
export interface AbsentSecret {
  readonly found: false;
  readonly because: 'deleted' | 'destroyed' | 'notFound';
  /** KV v2 version that is deleted or destroyed; null otherwise. */
  readonly version: number | null;
  /** RFC 3339 `created_time` of that version; null otherwise. */
  readonly createdTime: string | null;
  readonly mountUuid: string | null;
}

export type SecretRead = FoundSecret | AbsentSecret;

/**
 * Reads one Vault (or OpenBao) under one identity. Everything that is not a certain answer throws `SyncError`:
 * `SourceUnavailable` (sealed, standby, unreachable, 5xx, no handler for route, an unknown 404), `SlowRetry` (403),
 * `RateLimited` (429).
 */
export interface VaultReader {
  /** The latest version, or the one asked for (KV v2; KV v1 has only one, whatever is asked). */
  read(place: SecretPlace, signal: AbortSignal, options?: { readonly version?: number }): Promise<SecretRead>;
  /** Names of all secrets below `prefix` ('' or ending in '/'), folders walked with bounded concurrency. */
  list(place: MountPlace & { readonly prefix: string }, signal: AbortSignal): AsyncIterable<string>;
  /** Cached; `fresh: true` asks Vault now. */
  mount(place: MountPlace, options: { readonly fresh: boolean; readonly signal: AbortSignal }): Promise<MountInfo>;
  /** True when Vault is up, unsealed and our token works. @throws SyncError otherwise */
  check(signal: AbortSignal): Promise<void>;
  /** Stops renewing and revokes tokens that this reader logged in for. */
  close(): Promise<void>;
}
