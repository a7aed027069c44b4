import {
  type ListSecretVersionIdsCommandOutput,
  ResourceNotFoundException,
  SecretsManager,
} from '@aws-sdk/client-secrets-manager';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../../peers/fault-proxy.ts';
import { startMoto } from '../../peers/start-moto.ts';
import type { StoreFault, StoreUnderTest } from '../conformance/under-test.ts';

const reads: readonly string[] = ['DescribeSecret', 'ListSecrets', 'ListSecretVersionIds'];
const writes: readonly string[] = [
  'CreateSecret',
  'PutSecretValue',
  'UpdateSecret',
  'TagResource',
  'RestoreSecret',
  'DeleteSecret',
];

const region = 'eu-west-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** moto with a proxy before it: the target goes through the proxy, everybody else straight to moto. */
export interface MotoStore extends StoreUnderTest<AwsSettings> {
  readonly proxy: FaultProxy;
  /** Somebody with full rights. */
  readonly admin: SecretsManager;
}

export async function openMotoStore(): Promise<MotoStore> {
  const moto = await startMoto();
  const proxy = await startFaultProxy({ upstream: moto.endpoint });
  const admin = new SecretsManager({ endpoint: moto.endpoint, region, credentials });
  return {
    kind: aws,
    settings: { endpoint: proxy.url, stsEndpoint: proxy.url, region, credentials },
    destination: (tags) => ({ aws: { tags } }),
    describedBy: (description) => ({ aws: { description } }),
    limits: { nameCharacters: 512, valueBytes: 65_536 },
    permissions: { read: 'secretsmanager:DescribeSecret', write: 'secretsmanager:PutSecretValue' },
    proxy,
    admin,
    store: {
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
      async deleteByHand(name) {
        await admin.deleteSecret({ SecretId: name });
        proxy.inject({ fault: deleted, times: 1, when: (seen) => operationOf(seen) === 'PutSecretValue' });
      },
      async createForeign(name, value, marks) {
        const tags = { team: 'somebody', ...(marks && { [markNames.owner]: marks.owner, [markNames.ref]: marks.ref }) };
        const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        await admin.createSecret({ Name: name, SecretString: value, Tags });
      },
      requests: async () => proxy.requests.flatMap(asStoreRequest),
      forgetRequests: async () => proxy.forget(),
      fault: async (fault, count) => inject(proxy, fault, count),
      clearFaults: async () => proxy.clear(),
    },
    async close() {
      admin.destroy();
      await proxy.stop();
      await moto.stop();
    },
  };
}

export function operationOf({ target }: SeenRequest): string | null {
  return target?.startsWith('secretsmanager.') ? target.slice('secretsmanager.'.length) : null;
}

export function versionsOf(admin: SecretsManager, name: string): Promise<ListSecretVersionIdsCommandOutput> {
  return admin.listSecretVersionIds({ SecretId: name, IncludeDeprecated: true });
}

function asStoreRequest(seen: SeenRequest) {
  const operation = operationOf(seen);
  return operation === null ? [] : [{ operation, write: !reads.includes(operation) }];
}

function asDeleted(error: unknown): { DeletedDate?: Date } {
  if (error instanceof ResourceNotFoundException) return { DeletedDate: new Date(0) };
  throw error;
}

function inject(proxy: FaultProxy, fault: StoreFault, count = Number.POSITIVE_INFINITY): void {
  if (fault === 'denied') {
    for (const operation of [...reads, ...writes]) {
      proxy.inject({ fault: denied(operation), times: count, when: (seen) => operationOf(seen) === operation });
    }
    return;
  }
  proxy.inject({ fault: faultOf(fault), times: count, when: (seen) => operationOf(seen) !== null });
}

function faultOf(fault: Exclude<StoreFault, 'denied'>): Fault {
  switch (fault) {
    case 'throttle':
    case 'hang':
      return { kind: fault };
    case 'unavailable':
      return { kind: 'status', status: 503, body: { __type: 'ServiceUnavailable', message: 'try later' } };
    case 'lostAnswer':
      return { kind: 'lose-answer' };
    default: {
      const never: never = fault;
      return never;
    }
  }
}

/** AWS: PutSecretValue on a secret that is scheduled for deletion is refused; moto lets it pass. */
const deleted: Fault = {
  kind: 'status',
  status: 400,
  body: {
    __type: 'InvalidRequestException',
    message: "You can't perform this operation on the secret because it was marked for deletion.",
  },
};

function denied(operation: string): Fault {
  const message = `User: arn:aws:iam::1:user/ada is not authorized to perform: secretsmanager:${operation} on resource: x`;
  return { kind: 'status', status: 400, body: { __type: 'AccessDeniedException', message } };
}
