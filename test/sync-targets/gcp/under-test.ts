import { v1 } from '@google-cloud/secret-manager';
import { googleAuthLibrary, grpc } from 'google-gax';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../stand-ins/gcp-secret-manager/start.ts';
import type { StoreControl, StoreFault, StoreUnderTest } from '../conformance/under-test.ts';

export const project = { id: 'team-payments', number: '424242424242' } as const;

/** GCP Secret Manager's stand-in with somebody who has full rights in it and uses Google's own client. */
export interface GcpUnderTest extends StoreUnderTest<GcpSettings> {
  readonly standIn: GcpSecretManager;
  readonly somebody: v1.SecretManagerServiceClient;
}

const faultKinds = {
  throttle: 'throttle',
  unavailable: 'unavailable',
  denied: 'deny',
  hang: 'hang',
  lostAnswer: 'lose-answer',
} as const satisfies Record<StoreFault, string>;

export async function openGcp(): Promise<GcpUnderTest> {
  const standIn = await startGcpSecretManager({ projects: [project] });
  const [apiEndpoint = '', port] = standIn.endpoint.split(':');
  const authClient = new googleAuthLibrary.PassThroughClient();
  const sslCreds = grpc.credentials.createInsecure();
  const somebody = new v1.SecretManagerServiceClient({ apiEndpoint, port: Number(port), sslCreds, authClient });
  return {
    kind: gcp,
    settings: { endpoint: standIn.endpoint, insecure: true },
    destination: (labels) => ({ gcp: { project: project.id, labels } }),
    store: controlOf(standIn, somebody),
    limits: { nameCharacters: 255, valueBytes: 65_536 },
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
    changeByHand: async (name, value) => void (await addVersion(name, value)),
    deleteByHand: async (name) => void (await somebody.deleteSecret({ name: resourceName(name) })),
    createForeign: async (name, value, marks) => {
      const labels = marks ? { [markNames.owner]: marks.owner } : {};
      const annotations = marks ? { [markNames.ref]: marks.ref } : {};
      const secret = { replication: { automatic: {} }, labels, annotations };
      await somebody.createSecret({ parent, secretId: name, secret });
      await addVersion(name, value);
    },
    requests: async () =>
      (await standIn.requests())
        .filter(({ resource }) => !resource.startsWith(parent))
        .map(({ method }) => ({ operation: method, write: !/^(Get|List|Access)/.test(method) })),
    forgetRequests: () => standIn.forgetRequests(),
    fault: (fault, count) => standIn.fault({ kind: faultKinds[fault], ...(count === undefined ? {} : { count }) }),
    clearFaults: () => standIn.clearFaults(),
  };
}
