import {
  type ListSecretVersionIdsCommandOutput,
  ResourceNotFoundException,
  type SecretsManager,
} from '@aws-sdk/client-secrets-manager';
import { markNames } from '../../../src/sync-targets/contract.ts';
import type { FieldUnderTest, StoreControl, StoreUnderTest } from '../conformance/under-test.ts';

export const limits: StoreUnderTest['limits'] = {
  nameCharacters: 512,
  valueBytes: 65_536,
  tags: { count: 47, keyCharacters: 128, valueCharacters: 256 },
};

/** What somebody with full rights sees and does through AWS's own client. */
export function controlOver(admin: SecretsManager) {
  return {
    async valueOf(name) {
      const { DeletedDate } = await admin.describeSecret({ SecretId: name }).catch(asDeleted);
      if (DeletedDate !== undefined) return null;
      return (await admin.getSecretValue({ SecretId: name })).SecretString ?? null;
    },
    async tagsOf(name) {
      const { Tags = [] } = await admin.describeSecret({ SecretId: name });
      return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
    },
    async descriptionOf(name) {
      return (await admin.describeSecret({ SecretId: name })).Description ?? '';
    },
    async versionCount(name) {
      const { Versions = [] } = await versionsOf(admin, name);
      return Versions.length;
    },
    async changeByHand(name, value) {
      await admin.putSecretValue({ SecretId: name, SecretString: value });
    },
    async createForeign(name, value, marks) {
      const tags = { team: 'somebody', ...(marks && { [markNames.owner]: marks.owner, [markNames.ref]: marks.ref }) };
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      await admin.createSecret({ Name: name, SecretString: value, Tags });
    },
    async deleteByHand(name: string) {
      await admin.deleteSecret({ SecretId: name });
    },
  } satisfies Partial<StoreControl>;
}

interface FieldOptions {
  /** Whom a resource policy may let in. */
  readonly account: string;
  /** Two KMS keys; null = there are none to test with. */
  readonly keys: readonly [string, string] | null;
}

/** The fields of a copy, and how somebody with full rights changes them. */
export function fieldsOf(admin: SecretsManager, { account, keys }: FieldOptions): StoreUnderTest['fields'] {
  return {
    ...(keys && { encryptionKey: keyField(admin, keys) }),
    tags: {
      destination: { aws: { tags: { team: 'payments' } } },
      spoil: async (SecretId) => void (await admin.tagResource({ SecretId, Tags: [{ Key: 'team', Value: 'x' }] })),
      takenOut: 'Goes',
    },
    description: {
      destination: { aws: { description: 'Ours.' } },
      spoil: async (SecretId) => void (await admin.updateSecret({ SecretId, Description: 'Theirs.' })),
      takenOut: 'Stays',
    },
    replicas: {
      destination: { aws: { replicas: [{ region: 'us-east-1' }] } },
      spoil: async (SecretId) =>
        void (await admin.removeRegionsFromReplication({ SecretId, RemoveReplicaRegions: ['us-east-1'] })),
      takenOut: 'Stays',
    },
    resourcePolicy: {
      destination: { aws: { resourcePolicy: policyFor(account) } },
      spoil: async (SecretId) =>
        void (await admin.putResourcePolicy({
          SecretId,
          ResourcePolicy: policyFor(account, 'secretsmanager:DescribeSecret'),
        })),
      takenOut: 'Stays',
    },
  };
}

function keyField(admin: SecretsManager, [key, otherKey]: readonly [string, string]): FieldUnderTest {
  return {
    destination: { aws: { encryptionKey: key } },
    spoil: async (SecretId) => void (await admin.updateSecret({ SecretId, KmsKeyId: otherKey })),
    takenOut: 'Stays',
  };
}

/** A resource policy that lets everybody of an account do something. */
export function policyFor(account: string, Action = 'secretsmanager:GetSecretValue'): string {
  const Principal = { AWS: `arn:aws:iam::${account}:root` };
  const Statement = [{ Effect: 'Allow', Principal, Action, Resource: '*' }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

export function versionsOf(admin: SecretsManager, name: string): Promise<ListSecretVersionIdsCommandOutput> {
  return admin.listSecretVersionIds({ SecretId: name, IncludeDeprecated: true });
}

function asDeleted(error: unknown): { DeletedDate?: Date } {
  if (error instanceof ResourceNotFoundException) return { DeletedDate: new Date(0) };
  throw error;
}
