import type { Destination } from '../../crd/vault-secret-sync.ts';
import { type Desired, type Difference, markNames, type Observed, type Written } from '../contract.ts';
import { defaultKey, mayBeSameKey } from './keys.ts';
import { settingsOf } from './place.ts';
import { type ReplicaStatus, replicaChanges, replicasOf } from './replicas.ts';
import { policyToSet } from './resource-policy.ts';
import { tagChanges } from './tags.ts';

/** What only this target looks at again. */
interface Details {
  readonly tags: ReadonlyMap<string, string>;
  /** The version that the current one replaced (AWSPREVIOUS). */
  readonly previousVersionId: string | null;
  /** As AWS shows it: an id, an ARN or an alias; null = the account's key for Secrets Manager. */
  readonly encryptionKey: string | null;
  /** AWS shows none where it is empty. */
  readonly description: string;
  /** Null = not shown (a listing). */
  readonly replicas: readonly ReplicaStatus[] | null;
  /** The resource policy, '' = none; null = not asked for. */
  readonly resourcePolicy: string | null;
}

/** What DescribeSecret and ListSecrets have in common. */
export interface Description {
  readonly Description?: string | undefined;
  readonly Name?: string | undefined;
  readonly Tags?: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
  readonly KmsKeyId?: string | undefined;
  readonly DeletedDate?: Date | undefined;
  readonly OwningService?: string | undefined;
  readonly RotationEnabled?: boolean | undefined;
  readonly PrimaryRegion?: string | undefined;
  /** Stages by version id: `VersionIdsToStages` of the one, `SecretVersionsToStages` of the other. */
  readonly stages: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface ObserveOptions {
  readonly name: string;
  /** Where we looked: in another region than the primary one a secret is a replica. */
  readonly region: string;
  /** What only DescribeSecret shows. */
  readonly replicas?: readonly ReplicaStatus[];
  /** What only GetResourcePolicy shows; '' = none. */
  readonly resourcePolicy?: string;
}

export function observe(description: Description, options: ObserveOptions): Observed {
  const { name, region, replicas = null, resourcePolicy = null } = options;
  const tags = new Map(description.Tags?.map(({ Key = '', Value = '' }) => [Key, Value]));
  const versionWith = (stage: string) =>
    Object.entries(description.stages ?? {}).find(([, stages]) => stages.includes(stage))?.[0] ?? null;
  const details: Details = {
    tags,
    previousVersionId: versionWith('AWSPREVIOUS'),
    encryptionKey: description.KmsKeyId ?? null,
    description: description.Description ?? '',
    replicas,
    resourcePolicy,
  };
  return {
    name,
    existence: description.DeletedDate === undefined ? 'live' : 'pendingDeletion',
    owner: tags.get(markNames.owner) ?? null,
    ref: tags.get(markNames.ref) ?? null,
    state: null,
    versionId: versionWith('AWSCURRENT'),
    managedBy: managerOf(description, region),
    details,
  };
}

/** Writing to such a secret is refused by AWS, or undone by whoever manages it. */
function managerOf({ OwningService, RotationEnabled, PrimaryRegion }: Description, region: string): string | null {
  if (OwningService) return OwningService;
  if (RotationEnabled) return 'rotation';
  if (PrimaryRegion && PrimaryRegion !== region) return `replication from ${PrimaryRegion}`;
  return null;
}

/** `observed` must come from this target. */
export function detailsOf(observed: Observed): Details {
  return observed.details as Details;
}

/** Whether a destination asks for more than a listing shows. */
export function needsLook(destination: Destination): boolean {
  return replicasOf(destination) !== null || settingsOf(destination).resourcePolicy !== undefined;
}

/** Whether everything was looked at that the destination has a word about. */
export function isComplete(destination: Destination, observed: Observed): boolean {
  const { replicas, resourcePolicy } = detailsOf(observed);
  const needsPolicy = settingsOf(destination).resourcePolicy !== undefined;
  return (replicasOf(destination) === null || replicas !== null) && (!needsPolicy || resourcePolicy !== null);
}

/** @see Target.compare What was not looked at does not differ. */
export function compare(desired: Desired, observed: Observed, written: Written | null): readonly Difference[] {
  const { destination } = desired;
  const { tags, replicas, resourcePolicy } = detailsOf(observed);
  const { set, remove } = tagChanges(desired, tags);
  const differences: Difference[] = [];
  if (observed.existence === 'pendingDeletion') differences.push('pendingDeletion');
  if (!isCurrent(desired, observed) && observed.versionId !== written?.versionId) differences.push('value');
  if (Object.keys(set).length + remove.length > 0) differences.push('tags');
  if (descriptionToSet(desired, observed) !== null) differences.push('description');
  if (encryptionKeyToSet(desired, observed) !== null) differences.push('encryptionKey');
  if (replicas !== null && replicaChanges(destination, replicas) !== null) differences.push('replicas');
  if (resourcePolicy !== null && policyToSet(destination, resourcePolicy) !== null) differences.push('resourcePolicy');
  return differences;
}

/**
 * Whether the current version is the one that we would write after the one before it. Its id says so without the value
 * being read: whoever wrote it knew our key, the value and what it replaced.
 */
export function isCurrent(desired: Desired, observed: Observed): boolean {
  return observed.versionId === desired.versionIdAfter(detailsOf(observed).previousVersionId);
}

/** The description to change to; null = leave it. A manifest that has none leaves whatever somebody wrote there. */
export function descriptionToSet({ destination }: Desired, observed: Observed): string | null {
  const { description } = settingsOf(destination);
  return description === undefined || description === detailsOf(observed).description ? null : description;
}

/**
 * The key to change to; null = leave it. A manifest that names no key leaves the key as it is, and so does one that
 * names an alias where AWS shows the key's id (or the reverse): only KMS could say whether they are the same.
 */
export function encryptionKeyToSet({ destination }: Desired, observed: Observed): string | null {
  const { encryptionKey } = settingsOf(destination);
  if (encryptionKey === undefined) return null;
  return mayBeSameKey(encryptionKey, detailsOf(observed).encryptionKey ?? defaultKey) ? null : encryptionKey;
}
