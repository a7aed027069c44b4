import type {
  CreateSecretCommandInput,
  DeleteSecretCommandInput,
  DescribeSecretCommandOutput,
  ListSecretsCommandOutput,
  SecretsManager,
  UpdateSecretCommandInput,
} from '@aws-sdk/client-secrets-manager';
import type { CallOptions, Connection } from './connection.ts';
import type { ReplicaStatus } from './replicas.ts';
import type { Tags } from './tags.ts';
import type { SecretValue } from './values.ts';

/** AWS: at most 100 entries a page. */
const pageSize = 100;

/** Every call that this target makes to AWS; each is one request. docs/reference/stores/aws.md has the permissions. */
export interface Calls {
  describe(name: string): Promise<DescribeSecretCommandOutput>;
  /** '' = none. */
  getPolicy(name: string): Promise<string>;
  listPage(options: ListOptions): Promise<ListSecretsCommandOutput>;
  /** When each version was made, those without a label included: Unix times in milliseconds. A request for each 100. */
  versionDates(name: string): Promise<number[]>;
  create(request: CreateSecretCommandInput & { readonly Name: string }): Promise<readonly ReplicaStatus[]>;
  /** @returns the labels of the version */
  put(name: string, version: SecretValue & { readonly ClientRequestToken: string }): Promise<readonly string[]>;
  update(request: UpdateSecretCommandInput & { readonly SecretId: string }): Promise<unknown>;
  tag(name: string, tags: Tags): Promise<unknown>;
  untag(name: string, keys: readonly string[]): Promise<unknown>;
  putPolicy(name: string, policy: string): Promise<unknown>;
  deletePolicy(name: string): Promise<unknown>;
  replicate(name: string, regions: AddReplicaRegions): Promise<readonly ReplicaStatus[]>;
  removeReplicas(name: string, regions: readonly string[]): Promise<unknown>;
  restore(name: string): Promise<unknown>;
  delete(request: DeleteSecretCommandInput & { readonly SecretId: string }): Promise<unknown>;
}

type AddReplicaRegions = { readonly Region: string; readonly KmsKeyId: string | undefined }[];

interface ListOptions {
  /** For messages. */
  readonly subject: string;
  /** AWS takes them as prefixes. */
  readonly filters: { Key: 'tag-key' | 'tag-value'; Values: string[] }[];
  readonly nextToken: string | undefined;
}

/** The calls under one signal. */
export function callsOver({ call }: Pick<Connection, 'call'>, signal: AbortSignal): Calls {
  type Send<Output> = (client: SecretsManager, options: CallOptions) => Promise<Output>;
  const on =
    (subject: string) =>
    <Output>(operation: string, send: Send<Output>): Promise<Output> =>
      call({ operation, subject, signal, send });

  return {
    describe: (name) =>
      on(name)('DescribeSecret', (client, options) => client.describeSecret({ SecretId: name }, options)),
    async getPolicy(name) {
      const ask: Send<{ ResourcePolicy?: string | undefined }> = (client, options) =>
        client.getResourcePolicy({ SecretId: name }, options);
      return (await on(name)('GetResourcePolicy', ask)).ResourcePolicy ?? '';
    },
    listPage({ subject, filters, nextToken }) {
      const request = { Filters: filters, MaxResults: pageSize, NextToken: nextToken };
      return on(subject)('ListSecrets', (client, options) => client.listSecrets(request, options));
    },
    async versionDates(name) {
      const dates: number[] = [];
      let nextToken: string | undefined;
      do {
        const request = { SecretId: name, IncludeDeprecated: true, MaxResults: pageSize, NextToken: nextToken };
        const page = await on(name)('ListSecretVersionIds', (client, options) =>
          client.listSecretVersionIds(request, options),
        );
        dates.push(...(page.Versions ?? []).flatMap(({ CreatedDate }) => CreatedDate?.getTime() ?? []));
        nextToken = page.NextToken || undefined;
      } while (nextToken !== undefined);
      return dates;
    },
    async create(request) {
      const answer = await on(request.Name)('CreateSecret', (client, options) => client.createSecret(request, options));
      return answer.ReplicationStatus ?? [];
    },
    async put(name, version) {
      const request = { SecretId: name, ...version };
      const answer = await on(name)('PutSecretValue', (client, options) => client.putSecretValue(request, options));
      return answer.VersionStages ?? [];
    },
    update: (request) =>
      on(request.SecretId)('UpdateSecret', (client, options) => client.updateSecret(request, options)),
    tag(name, tags) {
      const request = { SecretId: name, Tags: asTagList(tags) };
      return on(name)('TagResource', (client, options) => client.tagResource(request, options));
    },
    untag(name, keys) {
      const request = { SecretId: name, TagKeys: [...keys] };
      return on(name)('UntagResource', (client, options) => client.untagResource(request, options));
    },
    putPolicy(name, policy) {
      const request = { SecretId: name, ResourcePolicy: policy, BlockPublicPolicy: true };
      return on(name)('PutResourcePolicy', (client, options) => client.putResourcePolicy(request, options));
    },
    deletePolicy: (name) =>
      on(name)('DeleteResourcePolicy', (client, options) => client.deleteResourcePolicy({ SecretId: name }, options)),
    async replicate(name, regions) {
      const request = { SecretId: name, AddReplicaRegions: regions };
      const answer = await on(name)('ReplicateSecretToRegions', (client, options) =>
        client.replicateSecretToRegions(request, options),
      );
      return answer.ReplicationStatus ?? [];
    },
    removeReplicas(name, regions) {
      const request = { SecretId: name, RemoveReplicaRegions: [...regions] };
      return on(name)('RemoveRegionsFromReplication', (client, options) =>
        client.removeRegionsFromReplication(request, options),
      );
    },
    restore: (name) =>
      on(name)('RestoreSecret', (client, options) => client.restoreSecret({ SecretId: name }, options)),
    delete: (request) =>
      on(request.SecretId)('DeleteSecret', (client, options) => client.deleteSecret(request, options)),
  };
}

export function asTagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
