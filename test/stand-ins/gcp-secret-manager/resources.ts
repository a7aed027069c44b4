import { timestamp, type VersionState, type WireReplication, type WireSecret, type WireVersion } from './wire.ts';

export interface Project {
  readonly id: string;
  readonly number: string;
}

export interface Version {
  readonly number: number;
  readonly createTime: Date;
  destroyTime: Date | null;
  state: VersionState;
  etag: string;
  /** `null` once destroyed. */
  data: Buffer | null;
  readonly checksumGiven: boolean;
}

export interface Secret {
  readonly project: Project;
  readonly id: string;
  readonly replication: WireReplication;
  readonly createTime: Date;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  etag: string;
  /** Oldest first; numbers start at 1 and never repeat. */
  readonly versions: Version[];
}

/** Whatever the request used, an answer names the project by its number. */
export function secretName(secret: Secret): string {
  return `projects/${secret.project.number}/secrets/${secret.id}`;
}

export function versionName(secret: Secret, version: Version): string {
  return `${secretName(secret)}/versions/${version.number}`;
}

/** A secret as an answer holds it. */
export function wireSecret(secret: Secret): WireSecret {
  const { replication, labels, annotations, etag } = secret;
  return { name: secretName(secret), replication, createTime: timestamp(secret.createTime), labels, annotations, etag };
}

/** A version as an answer holds it: never with its payload. */
export function wireVersion(secret: Secret, version: Version): WireVersion {
  const { state, etag, checksumGiven } = version;
  const name = versionName(secret, version);
  const destroyed = version.destroyTime ? { destroyTime: timestamp(version.destroyTime) } : {};
  return {
    name,
    createTime: timestamp(version.createTime),
    ...destroyed,
    state,
    etag,
    clientSpecifiedPayloadChecksum: checksumGiven,
  };
}
