/** An error as AWS answers it. */
export class AwsError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface Replica {
  readonly Region: string;
  readonly KmsKeyId: string;
  Status: 'InProgress' | 'InSync' | 'Failed';
  StatusMessage?: string;
}

interface Secret {
  readonly name: string;
  readonly tags: Map<string, string>;
  /** Oldest first; `at` in milliseconds. */
  versions: { readonly id: string; readonly value: string; readonly at: number; stages: string[] }[];
  readonly replicas: Map<string, Replica>;
  key: string | undefined;
  description: string | undefined;
  policy: string | undefined;
  deletedAt: number | null;
}

/** What a request may hold. */
export interface Given {
  readonly Name?: string;
  readonly SecretId?: string;
  readonly ClientRequestToken?: string;
  readonly SecretString?: string;
  readonly SecretBinary?: string;
  readonly KmsKeyId?: string;
  readonly Description?: string;
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
  readonly TagKeys?: readonly string[];
  readonly ResourcePolicy?: string;
  readonly BlockPublicPolicy?: boolean;
  readonly AddReplicaRegions?: readonly { readonly Region: string; readonly KmsKeyId?: string }[];
  readonly RemoveReplicaRegions?: readonly string[];
  readonly RecoveryWindowInDays?: number;
  readonly ForceDeleteWithoutRecovery?: boolean;
}

const day = 24 * 60 * 60_000;
const ownRegion = 'eu-west-1';
const defaultKey = 'alias/aws/secretsmanager';

/**
 * Secrets under the rules that AWS has and moto has not. Each is from the API reference of the operation it is about
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/), unless it says otherwise.
 */
export class StrictSecrets {
  readonly #secrets = new Map<string, Secret>();
  readonly #occupied = new Set<string>();
  readonly #brokenKeys = new Set<string>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Somebody has a secret of this name there. */
  occupy(region: string, name: string): void {
    this.#occupied.add(`${region} ${name}`);
  }

  free(region: string, name: string): void {
    this.#occupied.delete(`${region} ${name}`);
  }

  /** A key that replication may not use. */
  breakKey(key: string): void {
    this.#brokenKeys.add(key);
  }

  /** Replication goes on in the background; now it has ended. */
  settle(): void {
    for (const { name, replicas } of this.#secrets.values()) {
      for (const replica of replicas.values()) {
        if (replica.Status !== 'InProgress') continue;
        const failure = this.#occupied.has(`${replica.Region} ${name}`)
          ? `Replication failed: Secret name ${name} already exists in region ${replica.Region}.`
          : this.#brokenKeys.has(replica.KmsKeyId)
            ? 'Replication failed: the KMS key is disabled'
            : undefined;
        replica.Status = failure ? 'Failed' : 'InSync';
        if (failure) replica.StatusMessage = failure;
      }
    }
  }

  tagsOf(name: string | undefined): ReadonlySet<string> {
    return new Set(this.#secrets.get(name ?? '')?.tags.keys());
  }

  /** What everybody may look at in a test. */
  look(name: string): Readonly<Secret> & { readonly value: string | null } {
    const secret = this.#secrets.get(name);
    if (!secret) throw new Error(`there is no ${name}`);
    return { ...secret, value: secret.versions.find(({ stages }) => stages.includes('AWSCURRENT'))?.value ?? null };
  }

  has(name: string): boolean {
    return this.#secrets.has(name);
  }

  /** @throws AwsError */
  answer(operation: string, given: Given): unknown {
    switch (operation) {
      case 'CreateSecret':
        return this.#create(given);
      case 'DescribeSecret':
        return this.#describe(this.#any(given));
      case 'ListSecrets':
        return {
          SecretList: [...this.#secrets.values()].filter(({ deletedAt }) => deletedAt === null).map(asListEntry),
        };
      case 'ListSecretVersionIds':
        return {
          Versions: this.#any(given).versions.map(({ id, at, stages }) => ({
            VersionId: id,
            CreatedDate: at / 1000,
            VersionStages: stages,
          })),
        };
      case 'PutSecretValue':
        return this.#put(this.#live(given), given);
      case 'UpdateSecret':
        return this.#update(this.#live(given), given);
      case 'TagResource':
        return this.#tag(this.#live(given), given);
      case 'UntagResource':
        for (const key of given.TagKeys ?? []) this.#live(given).tags.delete(key);
        return {};
      case 'GetResourcePolicy':
        return { ResourcePolicy: this.#live(given).policy };
      case 'PutResourcePolicy':
        return this.#putPolicy(this.#live(given), given);
      case 'DeleteResourcePolicy':
        this.#live(given).policy = undefined;
        return {};
      case 'ReplicateSecretToRegions':
        return this.#replicate(this.#live(given), given.AddReplicaRegions ?? []);
      case 'RemoveRegionsFromReplication':
        return this.#removeReplicas(this.#live(given), given.RemoveReplicaRegions ?? []);
      case 'RestoreSecret':
        this.#any(given).deletedAt = null;
        return {};
      case 'DeleteSecret':
        return this.#delete(this.#live(given), given);
      default:
        throw new AwsError('UnknownOperationException', `${operation} is not known here`);
    }
  }

  #any({ SecretId = '' }: Given): Secret {
    const secret = this.#secrets.get(SecretId);
    if (!secret) throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  }

  /** All but DescribeSecret and RestoreSecret are refused while a secret is scheduled for deletion. */
  #live(given: Given): Secret {
    const secret = this.#any(given);
    if (secret.deletedAt === null) return secret;
    const message = "You can't perform this operation on the secret because it was marked for deletion.";
    throw new AwsError('InvalidRequestException', message);
  }

  #create(given: Given): unknown {
    const { Name = '', Tags = [], KmsKeyId, Description } = given;
    if (this.#secrets.has(Name)) throw new AwsError('ResourceExistsException', `the secret ${Name} already exists.`);
    const secret: Secret = {
      name: Name,
      tags: new Map(),
      versions: [],
      replicas: new Map(),
      key: KmsKeyId,
      description: Description,
      policy: undefined,
      deletedAt: null,
    };
    this.#tag(secret, { Tags });
    this.#secrets.set(Name, secret);
    if (given.SecretString !== undefined || given.SecretBinary !== undefined) this.#put(secret, given);
    return this.#replicate(secret, given.AddReplicaRegions ?? []);
  }

  #describe(secret: Secret): unknown {
    return {
      ...describe(secret),
      VersionIdsToStages: labelled(secret),
      ...(secret.replicas.size === 0 ? {} : { ReplicationStatus: [...secret.replicas.values()] }),
    };
  }

  /** Versions younger than a day are not removed, and beyond 100 there is no room (AWS Secrets Manager quotas). */
  #put(secret: Secret, { ClientRequestToken = '', SecretString, SecretBinary = '' }: Given): unknown {
    const value = SecretString ?? Buffer.from(SecretBinary, 'base64').toString();
    const existing = secret.versions.find(({ id }) => id === ClientRequestToken);
    if (existing && existing.value !== value) throw new AwsError('ResourceExistsException', 'another value');
    if (existing) return { VersionStages: existing.stages };
    if (secret.versions.filter(({ at }) => at > this.#now() - day).length >= 100) {
      throw new AwsError('LimitExceededException', 'The request exceeds a quota: versions of a secret');
    }
    for (const version of secret.versions) {
      const isCurrent = version.stages.includes('AWSCURRENT');
      version.stages = isCurrent ? ['AWSPREVIOUS'] : [];
    }
    secret.versions.push({ id: ClientRequestToken, value, at: this.#now(), stages: ['AWSCURRENT'] });
    for (const replica of secret.replicas.values()) replica.Status = 'InProgress';
    return { VersionStages: ['AWSCURRENT'] };
  }

  #update(secret: Secret, { KmsKeyId, Description }: Given): unknown {
    if (KmsKeyId !== undefined) secret.key = KmsKeyId === defaultKey ? undefined : KmsKeyId;
    if (Description !== undefined) secret.description = Description;
    return {};
  }

  #tag({ tags }: Secret, { Tags = [] }: Given): unknown {
    for (const { Key, Value } of Tags) tags.set(Key, Value);
    const own = [...tags.keys()].filter((key) => !key.startsWith('aws:'));
    if (own.length > 50) throw new AwsError('InvalidParameterException', 'too many tags');
    return {};
  }

  #putPolicy(secret: Secret, { ResourcePolicy = '', BlockPublicPolicy = false }: Given): unknown {
    if (BlockPublicPolicy && /"Principal":\s*("\*"|\{\s*"AWS":\s*"\*"\s*\})/.test(ResourcePolicy)) {
      throw new AwsError('PublicPolicyException', 'The resource policy did not meet the BlockPublicPolicy check');
    }
    secret.policy = ResourcePolicy;
    return {};
  }

  #replicate(secret: Secret, regions: NonNullable<Given['AddReplicaRegions']>): unknown {
    for (const { Region, KmsKeyId = defaultKey } of regions) {
      if (Region === ownRegion) throw new AwsError('InvalidParameterException', 'Invalid replica region.');
      if (secret.replicas.has(Region))
        throw new AwsError('InvalidParameterException', `${Region} is a replica already`);
      secret.replicas.set(Region, { Region, KmsKeyId, Status: 'InProgress' });
    }
    return { ReplicationStatus: [...secret.replicas.values()] };
  }

  #removeReplicas({ replicas }: Secret, regions: readonly string[]): unknown {
    for (const region of regions) {
      if (!replicas.delete(region)) throw new AwsError('InvalidParameterException', `${region} is no replica`);
    }
    return { ReplicationStatus: [...replicas.values()] };
  }

  /** The message as real accounts give it: https://github.com/rebuy-de/aws-nuke/issues/1127. */
  #delete(secret: Secret, { RecoveryWindowInDays = 30, ForceDeleteWithoutRecovery = false }: Given): unknown {
    if (secret.replicas.size > 0) {
      const message = `You can't delete secret x that still has replica regions [${[...secret.replicas.keys()].join()}].`;
      throw new AwsError('InvalidParameterException', message);
    }
    if (ForceDeleteWithoutRecovery) this.#secrets.delete(secret.name);
    else secret.deletedAt = this.#now() + RecoveryWindowInDays * day;
    return {};
  }
}

function describe({ name, tags, key, description, replicas, deletedAt }: Secret) {
  return {
    Name: name,
    Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
    KmsKeyId: key,
    Description: description,
    ...(replicas.size === 0 ? {} : { PrimaryRegion: ownRegion }),
    ...(deletedAt === null ? {} : { DeletedDate: deletedAt / 1000 }),
  };
}

/** Shows neither replicas nor what is scheduled for deletion (SecretListEntry). */
function asListEntry(secret: Secret) {
  return { ...describe(secret), SecretVersionsToStages: labelled(secret) };
}

/** Versions without a label are shown by ListSecretVersionIds alone. */
function labelled({ versions }: Secret): Record<string, string[]> {
  return Object.fromEntries(versions.flatMap(({ id, stages }) => (stages.length === 0 ? [] : [[id, stages]])));
}
