import { v1 } from '@google-cloud/secret-manager';
import { googleAuthLibrary, grpc } from 'google-gax';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import {
  type GcpSecretManager,
  type StartOptions,
  startGcpSecretManager,
} from '../../stand-ins/gcp-secret-manager/start.ts';
import type { StoreControl, StoreFault, StoreUnderTest } from '../conformance/under-test.ts';

export const project = { id: 'team-payments', number: '424242424242' } as const;

/** GCP Secret Manager's stand-in with somebody who has full rights in it and uses Google's own client. */
export interface GcpUnderTest extends StoreUnderTest<GcpSettings> {
  readonly standIn: GcpSecretManager;
  readonly somebody: v1.SecretManagerServiceClient;
}

const faultKinds = {
  throttle: 'throttle',
  throttleFor7s: 'throttle-for-7s',
  unavailable: 'unavailable',
  denied: 'deny',
  hang: 'hang',
  lostAnswer: 'lose-answer',
} as const satisfies Record<StoreFault, string>;

export const limits: StoreUnderTest['limits'] = {
  nameCharacters: 255,
  valueBytes: 65_536,
  tags: { count: 63, keyCharacters: 63, valueCharacters: 63 },
};

/** Somebody always speaks gRPC. What he does is to be seen at once, what the target does after `settlingMs`. */
export async function openGcp(
  transport: 'grpc' | 'rest' = 'grpc',
  options: Pick<StartOptions, 'settlingMs' | 'secretQuotas'> = {},
): Promise<GcpUnderTest> {
  const standIn = await startGcpSecretManager({ projects: [project], ...options });
  const [apiEndpoint = '', port] = standIn.endpoint.split(':');
  const authClient = new googleAuthLibrary.PassThroughClient();
  const sslCreds = grpc.credentials.createInsecure();
  const somebody = new v1.SecretManagerServiceClient({ apiEndpoint, port: Number(port), sslCreds, authClient });
  return {
    kind: gcp,
    settings: {
      endpoint: transport === 'rest' ? standIn.restEndpoint : standIn.endpoint,
      insecure: true,
      transport,
    },
    destination: (labels) => ({ gcp: { project: project.id, labels } }),
    store: controlOf(standIn, somebody),
    fields: fieldsOf(somebody, { project: project.id, parent }),
    everything: {
      first: { gcp: { project: project.id, ...features } },
      later: { gcp: { project: project.id, ...otherFeatures } },
    },
    limits,
    permissions: { read: 'secretmanager.secrets.get', write: 'secretmanager.versions.add' },
    standIn,
    somebody,
    async close() {
      await somebody.close();
      await standIn.stop();
    },
  };
}

/** Somebody names the project by its number and the target by its id: so the log tells their requests apart. */
const parent = `projects/${project.number}`;

export function resourceName(id: string): string {
  return `${parent}/secrets/${id}`;
}

const keyOf = (name: string) => `projects/kms/locations/global/keyRings/ring/cryptoKeys/${name}`;

const features = {
  labels: { team: 'payments' },
  annotations: { note: 'first' },
  replication: { automatic: { kmsKeyName: keyOf('one') } },
  topics: ['projects/p/topics/one'],
  expireTime: '2090-01-01T00:00:00Z',
  versionDestroyTtl: '24h',
  versionAliases: { first: 1 },
};

const otherFeatures = {
  labels: { stage: 'test' },
  annotations: { other: 'second' },
  replication: { automatic: { kmsKeyName: keyOf('two') } },
  topics: ['projects/p/topics/two'],
  expireTime: '2091-01-01T00:00:00Z',
  versionDestroyTtl: '48h',
  versionAliases: { another: 1 },
};

/** The fields of a copy, and how somebody with full rights changes them. `at` is the project as he names it. */
export function fieldsOf(
  somebody: v1.SecretManagerServiceClient,
  at: { readonly project: string; readonly parent: string },
): StoreUnderTest['fields'] {
  const destination = (fields: GcpDestination) => ({ gcp: { project: at.project, ...fields } });
  const resourceName = (name: string) => `${at.parent}/secrets/${name}`;
  type Change = Parameters<v1.SecretManagerServiceClient['updateSecret']>[0];
  const change =
    (path: string, change: (name: string) => Promise<NonNullable<Change>['secret']>) => async (name: string) =>
      void (await somebody.updateSecret({
        secret: { name: resourceName(name), ...(await change(name)) },
        updateMask: { paths: [path] },
      }));
  const secretOf = async (name: string) => (await somebody.getSecret({ name: resourceName(name) }))[0];
  const { labels, annotations, replication, topics, expireTime, versionDestroyTtl, versionAliases } = features;
  const theirKey = { automatic: { customerManagedEncryption: { kmsKeyName: keyOf('theirs') } } };
  return {
    tags: {
      destination: destination({ labels }),
      spoil: change('labels', async (name) => ({ labels: { ...(await secretOf(name)).labels, team: 'x' } })),
      takenOut: 'Goes',
    },
    annotations: {
      destination: destination({ annotations }),
      spoil: change('annotations', async (name) => ({
        annotations: { ...(await secretOf(name)).annotations, note: 'theirs' },
      })),
      takenOut: 'Goes',
    },
    encryptionKey: {
      destination: destination({ replication }),
      spoil: change('replication', async () => ({ replication: theirKey })),
      takenOut: 'Stays',
    },
    topics: {
      destination: destination({ topics }),
      spoil: change('topics', async () => ({ topics: [{ name: 'projects/p/topics/theirs' }] })),
      takenOut: 'Stays',
    },
    expires: {
      destination: destination({ expireTime }),
      spoil: change('expire_time', async () => ({ expireTime: { seconds: Date.UTC(2092, 0) / 1000 } })),
      takenOut: 'Stays',
    },
    versionDestroyTtl: {
      destination: destination({ versionDestroyTtl }),
      spoil: change('version_destroy_ttl', async () => ({ versionDestroyTtl: { seconds: 36 * 3600 } })),
      takenOut: 'Stays',
    },
    versionAliases: {
      destination: destination({ versionAliases }),
      spoil: change('version_aliases', async () => ({ versionAliases: {} })),
      takenOut: 'Stays',
    },
  };
}

function controlOf(standIn: GcpSecretManager, somebody: v1.SecretManagerServiceClient): StoreControl {
  const find = async (name: string) => (await standIn.secrets()).find((secret) => secret.name === name);
  const addVersion = (name: string, value: string) =>
    somebody.addSecretVersion({ parent: resourceName(name), payload: { data: Buffer.from(value) } });
  return {
    valueOf: async (name) => (await standIn.payload(project.id, name))?.toString() ?? null,
    tagsOf: async (name) => {
      const secret = await find(name);
      return { ...secret?.labels, ...secret?.annotations };
    },
    versionCount: async (name) => (await find(name))?.versions.length ?? 0,
    changeByHand: async (name, value) => {
      await addVersion(name, value);
      await standIn.settle();
    },
    deleteByHand: async (name) => {
      await somebody.deleteSecret({ name: resourceName(name) });
      await standIn.settle();
    },
    createForeign: async (name, value, marks) => {
      const labels = marks ? { [markNames.owner]: marks.owner } : {};
      const annotations = marks ? { [markNames.ref]: marks.ref } : {};
      const secret = { replication: { automatic: {} }, labels, annotations };
      await somebody.createSecret({ parent, secretId: name, secret });
      await addVersion(name, value);
      await standIn.settle();
    },
    requests: async () =>
      (await standIn.requests())
        .filter(({ resource }) => !resource.startsWith(parent))
        .map(({ method }) => ({ operation: method, write: !/^(Get|List|Access)/.test(method) })),
    forgetRequests: () => standIn.forgetRequests(),
    hanging: () => standIn.hanging(),
    fault: (fault, which) => standIn.fault({ kind: faultKinds[fault], ...which }),
    clearFaults: () => standIn.clearFaults(),
  };
}
