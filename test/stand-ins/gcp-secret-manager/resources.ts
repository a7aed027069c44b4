import {
  timestamp,
  type VersionState,
  type WireDuration,
  type WireReplication,
  type WireSecret,
  type WireVersion,
} from './wire.ts';

export interface Project {
  readonly id: string;
  readonly number: string;
}

export interface Version {
  readonly number: number;
  readonly createTime: Date;
  destroyTime: Date | null;
  /** When it will be destroyed by itself; it is disabled until then. */
  scheduledDestroyTime: Date | null;
  state: VersionState;
  etag: string;
  /** `null` once destroyed. */
  data: Buffer | null;
  readonly checksumGiven: boolean;
}

export interface Secret {
  readonly project: Project;
  /** Null = global. */
  readonly location: string | null;
  readonly id: string;
  /** Null = regional. */
  replication: WireReplication | null;
  /** Of a regional secret. */
  kmsKeyName: string | null;
  readonly createTime: Date;
  topics: readonly string[];
  expireTime: Date | null;
  versionDestroyTtl: WireDuration | null;
  versionAliases: Record<string, string>;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  etag: string;
  /** Oldest first; numbers start at 1 and never repeat. */
  readonly versions: Version[];
}

/** Whatever the request used, an answer names the project by its number. */
export function secretName(secret: Pick<Secret, 'project' | 'location' | 'id'>): string {
  const parent = `projects/${secret.project.number}`;
  return secret.location === null
    ? `${parent}/secrets/${secret.id}`
    : `${parent}/locations/${secret.location}/secrets/${secret.id}`;
}

export function versionName(secret: Secret, version: Version): string {
  return `${secretName(secret)}/versions/${version.number}`;
}

/** A secret as an answer holds it. */
export function wireSecret(secret: Secret): WireSecret {
  const { replication, labels, annotations, etag, kmsKeyName, topics, expireTime, versionDestroyTtl } = secret;
  return {
    name: secretName(secret),
    ...(replication ? { replication } : {}),
    ...(kmsKeyName === null ? {} : { customerManagedEncryption: { kmsKeyName } }),
    createTime: timestamp(secret.createTime),
    labels,
    annotations,
    etag,
    topics: topics.map((name) => ({ name })),
    ...(expireTime ? { expireTime: timestamp(expireTime) } : {}),
    ...(versionDestroyTtl ? { versionDestroyTtl } : {}),
    versionAliases: secret.versionAliases,
  };
}

/** A version as an answer holds it: never with its payload. */
export function wireVersion(secret: Secret, version: Version): WireVersion {
  const { state, etag, checksumGiven } = version;
  const name = versionName(secret, version);
  const { destroyTime, scheduledDestroyTime } = version;
  const destroyed = destroyTime ? { destroyTime: timestamp(destroyTime) } : {};
  const scheduled = scheduledDestroyTime ? { scheduledDestroyTime: timestamp(scheduledDestroyTime) } : {};
  return {
    name,
    createTime: timestamp(version.createTime),
    ...destroyed,
    ...scheduled,
    state,
    etag,
    clientSpecifiedPayloadChecksum: checksumGiven,
  };
}
