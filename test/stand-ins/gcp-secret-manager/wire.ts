/*
 * The messages as @grpc/proto-loader hands them over with the options of service.ts: camelCase members, 64-bit integers
 * and enums as text. Only what the stand-in reads or writes.
 */

export interface WireTimestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export interface WireDuration {
  readonly seconds: string;
  readonly nanos?: number;
}

export interface WireKey {
  readonly customerManagedEncryption?: { readonly kmsKeyName: string } | null;
}

export interface WireReplication {
  readonly automatic?: WireKey | null;
  readonly userManaged?: { readonly replicas: readonly (WireKey & { readonly location: string })[] } | null;
}

export interface WireSecret extends WireKey {
  readonly name: string;
  readonly replication?: WireReplication | null;
  readonly createTime?: WireTimestamp | null;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly etag: string;
  readonly topics?: readonly { readonly name: string }[];
  readonly ttl?: WireDuration | null;
  readonly expireTime?: WireTimestamp | null;
  readonly rotation?: object | null;
  readonly versionAliases?: Record<string, string>;
  readonly versionDestroyTtl?: WireDuration | null;
  readonly tags?: object;
}

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROYED';

export interface WireVersion {
  readonly name: string;
  readonly createTime: WireTimestamp;
  readonly destroyTime?: WireTimestamp;
  readonly scheduledDestroyTime?: WireTimestamp;
  readonly state: VersionState;
  readonly etag: string;
  readonly clientSpecifiedPayloadChecksum: boolean;
}

export interface WirePayload {
  readonly data: Uint8Array;
  /** Absent when the caller sent none: the member is optional in the definition. */
  readonly dataCrc32c?: string;
}

export interface CreateSecretRequest {
  readonly parent: string;
  readonly secretId: string;
  readonly secret: WireSecret | null;
}

export interface UpdateSecretRequest {
  readonly secret: WireSecret | null;
  readonly updateMask: { readonly paths: readonly string[] } | null;
}

export interface ListRequest {
  readonly parent: string;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter: string;
}

export interface NamedRequest {
  readonly name: string;
  readonly etag?: string;
}

export interface AddSecretVersionRequest {
  readonly parent: string;
  readonly payload: WirePayload | null;
}

export function timestamp(date: Date): WireTimestamp {
  const milliseconds = date.getTime();
  return { seconds: String(Math.floor(milliseconds / 1000)), nanos: (milliseconds % 1000) * 1_000_000 };
}

export function dateOf({ seconds, nanos }: WireTimestamp): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}
