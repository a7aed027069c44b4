import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../../peers/fault-proxy.ts';
import { startMoto } from '../../peers/start-moto.ts';
import type { StoreFault, StoreUnderTest } from '../conformance/under-test.ts';
import { controlOver, fieldsOf, limits, policyFor } from './control.ts';

const reads: readonly string[] = ['DescribeSecret', 'GetResourcePolicy', 'ListSecrets', 'ListSecretVersionIds'];
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
  const control = controlOver(admin);
  return {
    kind: aws,
    settings: { endpoint: proxy.url, stsEndpoint: proxy.url, region, credentials },
    destination: (tags) => ({ aws: { tags } }),
    describedBy: (description) => ({ aws: { description } }),
    fields: fieldsOf(admin, { account: '123456789012', keys }),
    everything,
    limits,
    permissions: { read: 'secretsmanager:DescribeSecret', write: 'secretsmanager:PutSecretValue' },
    proxy,
    admin,
    store: {
      ...control,
      async deleteByHand(name) {
        await control.deleteByHand(name);
        proxy.inject({ fault: deleted, times: 1, when: (seen) => operationOf(seen) === 'PutSecretValue' });
      },
      requests: async () => proxy.requests.flatMap(asStoreRequest),
      hanging: async () => proxy.hanging(),
      forgetRequests: async () => proxy.forget(),
      fault: async (fault, which) => inject(proxy, fault, which),
      clearFaults: async () => proxy.clear(),
    },
    async close() {
      admin.destroy();
      await proxy.stop();
      await moto.stop();
    },
  };
}

/** moto knows no keys, so it takes any. */
const keys = ['1234abcd-12ab-34cd-56ef-1234567890ab', '5678abcd-12ab-34cd-56ef-1234567890ab'] as const;

const everything: StoreUnderTest['everything'] = {
  first: {
    aws: {
      tags: { team: 'payments' },
      description: 'The first.',
      encryptionKey: keys[0],
      replicas: [{ region: 'us-east-1' }],
      resourcePolicy: policyFor('111111111111'),
    },
  },
  later: {
    aws: {
      tags: { stage: 'test' },
      description: 'The second.',
      encryptionKey: keys[1],
      replicas: [{ region: 'us-west-2' }],
      resourcePolicy: policyFor('222222222222'),
    },
  },
};

export function operationOf({ target }: SeenRequest): string | null {
  return target?.startsWith('secretsmanager.') ? target.slice('secretsmanager.'.length) : null;
}

function asStoreRequest(seen: SeenRequest) {
  const operation = operationOf(seen);
  return operation === null ? [] : [{ operation, write: !reads.includes(operation) }];
}

function inject(proxy: FaultProxy, fault: StoreFault, { count = Number.POSITIVE_INFINITY, after = 0 } = {}): void {
  if (fault === 'denied') {
    for (const operation of [...reads, ...writes]) {
      proxy.inject({ fault: denied(operation), times: count, when: (seen) => operationOf(seen) === operation });
    }
    return;
  }
  proxy.inject({ fault: faultOf(fault), times: count, after, when: (seen) => operationOf(seen) !== null });
}

function faultOf(fault: Exclude<StoreFault, 'denied'>): Fault {
  switch (fault) {
    case 'throttle':
    case 'hang':
      return { kind: fault };
    case 'throttleFor7s':
      throw new Error('AWS names no time');
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
