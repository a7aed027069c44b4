import type { Destination } from '../../crd/vault-secret-sync.ts';
import { SyncError } from '../../errors.ts';
import { defaultKey, mayBeSameKey } from './keys.ts';
import { settingsOf } from './place.ts';

/** A replica as AWS shows it. */
export interface ReplicaStatus {
  readonly Region?: string | undefined;
  readonly KmsKeyId?: string | undefined;
  readonly Status?: string | undefined;
  /** Never shown: only what it speaks of is taken from it. */
  readonly StatusMessage?: string | undefined;
}

interface Replica {
  readonly region: string;
  readonly encryptionKey?: string | undefined;
}

/** The replicas that a manifest asks for; null = it leaves them as they are. */
export function replicasOf(destination: Destination): readonly Replica[] | null {
  const { replicas, replicaRegions } = settingsOf(destination);
  return replicas ?? replicaRegions?.map((region) => ({ region })) ?? null;
}

interface ReplicaChanges {
  /** Regions, taken away before anything is added. */
  readonly remove: readonly string[];
  readonly add: readonly Replica[];
}

/**
 * What must change in the replicas of a copy; null = nothing. One whose key is to be another is removed and added, for
 * AWS has no other way; so is one that failed, which is how replication is started again.
 */
export function replicaChanges(destination: Destination, observed: readonly ReplicaStatus[]): ReplicaChanges | null {
  const wanted = replicasOf(destination);
  if (wanted === null) return null;
  const isAsWanted = (replica: Replica) =>
    observed.some(
      ({ Region, KmsKeyId, Status }) =>
        Region === replica.region &&
        Status !== 'Failed' &&
        (replica.encryptionKey === undefined || mayBeSameKey(replica.encryptionKey, KmsKeyId ?? defaultKey)),
    );
  const add = wanted.filter((replica) => !isAsWanted(replica));
  const kept = new Set(wanted.filter(isAsWanted).map(({ region }) => region));
  const remove = regionsOf(observed).filter((region) => !kept.has(region));
  return add.length + remove.length === 0 ? null : { remove, add };
}

export function regionsOf(replicas: readonly ReplicaStatus[]): string[] {
  return replicas.flatMap(({ Region }) => Region ?? []);
}

/** What CreateSecret and ReplicateSecretToRegions are told. */
export function asAddReplicaRegions(replicas: readonly Replica[]): { Region: string; KmsKeyId: string | undefined }[] {
  return replicas.map(({ region, encryptionKey }) => ({ Region: region, KmsKeyId: encryptionKey }));
}

/**
 * The error for replicas that AWS could not make. The copy itself is as it must be; it counts as failed so that somebody
 * sees it, and its replication is started again with the next attempt.
 *
 * @param before what was seen before replication was (re)started; what failed then has to be seen in sync
 * @returns null when none failed
 */
export function failedReplicas(options: {
  readonly label: string;
  readonly destination: Destination;
  readonly before: readonly ReplicaStatus[];
  readonly now: readonly ReplicaStatus[];
}): SyncError | null {
  const { label, destination, before, now } = options;
  const failed = (replicasOf(destination) ?? []).flatMap(({ region }) => {
    const isThere = ({ Region }: ReplicaStatus) => Region === region;
    const after = now.find(isThere);
    if (after?.Status === 'Failed') return after;
    const earlier = before.find(isThere);
    return earlier?.Status === 'Failed' && after?.Status !== 'InSync' ? earlier : [];
  });
  if (failed.length === 0) return null;
  const reasons = failed.map(({ Region, StatusMessage }) => `to ${Region}: ${causeIn(StatusMessage ?? '')}`);
  return new SyncError({
    remedy: 'SlowRetry',
    reason: 'ReplicaFailed',
    code: 'Failed',
    message: `${label}: the copy is as it must be, but AWS could not replicate it ${reasons.join('; ')}`,
  });
}

function causeIn(message: string): string {
  if (/already exists/i.test(message)) {
    return 'a secret of that name is there already, which is never overwritten: delete it, or leave the region out of dest.aws.replicas';
  }
  if (/kms|key/i.test(message)) {
    return 'the KMS key cannot be used there: check encryptionKey in dest.aws.replicas, and allow kms:Decrypt on the key of the copy and kms:GenerateDataKey and kms:Encrypt on that of the replica';
  }
  if (/region/i.test(message)) return 'the region cannot be used: enable it for the account';
  return 'aws secretsmanager describe-secret tells why';
}
