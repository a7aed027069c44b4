import { type Desired, type Difference, markNames, type Observed, type Written } from '../contract.ts';
import { settingsOf } from './place.ts';
import { tagsOf } from './rules.ts';

/** What only this target looks at again. */
interface Details {
  readonly tags: ReadonlyMap<string, string>;
  /** The version that the current one replaced (AWSPREVIOUS). */
  readonly previousVersionId: string | null;
  /** As AWS shows it: an id, an ARN or an alias; null = the account's key for Secrets Manager. */
  readonly encryptionKey: string | null;
}

/** What DescribeSecret and ListSecrets have in common. */
export interface Description {
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
}

export function observe(description: Description, { name, region }: ObserveOptions): Observed {
  const tags = new Map(description.Tags?.map(({ Key = '', Value = '' }) => [Key, Value]));
  const versionWith = (stage: string) =>
    Object.entries(description.stages ?? {}).find(([, stages]) => stages.includes(stage))?.[0] ?? null;
  const details: Details = {
    tags,
    previousVersionId: versionWith('AWSPREVIOUS'),
    encryptionKey: description.KmsKeyId ?? null,
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
function detailsOf(observed: Observed): Details {
  return observed.details as Details;
}

/** @see Target.compare */
export function compare(desired: Desired, observed: Observed, written: Written | null): readonly Difference[] {
  const differences: Difference[] = [];
  if (observed.existence === 'pendingDeletion') differences.push('pendingDeletion');
  if (!isCurrent(desired, observed) && observed.versionId !== written?.versionId) differences.push('value');
  if (Object.keys(tagsToSet(desired, observed)).length > 0) differences.push('tags');
  if (encryptionKeyToSet(desired, observed) !== null) differences.push('encryptionKey');
  return differences;
}

/**
 * Whether the current version is the one that we would write after the one before it. Its id says so without the value
 * being read: whoever wrote it knew our key, the value and what it replaced.
 */
export function isCurrent(desired: Desired, observed: Observed): boolean {
  return observed.versionId === desired.versionIdAfter(detailsOf(observed).previousVersionId);
}

/**
 * Tags that are missing or have another value. What else the secret bears is left alone: whoever tags it for costs or
 * compliance is not fought. So a tag that is taken out of a manifest stays; nothing at the store tells it from theirs.
 */
export function tagsToSet(desired: Desired, observed: Observed): Readonly<Record<string, string>> {
  const { tags } = detailsOf(observed);
  return Object.fromEntries(Object.entries(tagsOf(desired)).filter(([key, value]) => tags.get(key) !== value));
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

/** AWS shows no key where this one is used. */
const defaultKey = 'alias/aws/secretsmanager';

function mayBeSameKey(left: string, right: string): boolean {
  if (left.startsWith('arn:') && right.startsWith('arn:') && isAlias(left) === isAlias(right)) return left === right;
  const [one, other] = [nameOfKey(left), nameOfKey(right)];
  if (one === defaultKey || other === defaultKey) return one === other;
  return isAlias(one) === isAlias(other) ? one === other : true;
}

/** `key/<id>` or `alias/<name>`, of an ARN, an id or an alias. */
function nameOfKey(key: string): string {
  // arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
  const name = key.startsWith('arn:') ? key.split(':').slice(5).join(':') : key;
  return name.includes('/') ? name : `key/${name}`;
}

function isAlias(key: string): boolean {
  return nameOfKey(key).startsWith('alias/');
}
