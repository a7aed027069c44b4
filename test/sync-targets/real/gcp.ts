import type { v1 } from '@google-cloud/secret-manager';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import type { StoreControl, StoreUnderTest } from '../conformance/under-test.ts';
import { fieldsOf, limits } from '../gcp/under-test.ts';
import { everythingIs, newPrefix, patienceMs, unattended } from './account.ts';

export interface RealGcp {
  readonly project: string;
  readonly settings: GcpSettings;
  /** Somebody with full rights in the project. */
  readonly somebody: v1.SecretManagerServiceClient;
}

/** Secret Manager of a project, with nothing between it and the target. It ends with the deletion of all that was made. */
export async function openRealGcp({ project, settings, somebody }: RealGcp): Promise<StoreUnderTest<GcpSettings>> {
  const parent = `projects/${project}`;
  const prefix = newPrefix();
  const { encryptionKey: _key, topics: _topics, ...fields } = fieldsOf(somebody, { project, parent });
  return {
    kind: gcp,
    settings,
    destination: (labels) => ({ gcp: { project, labels } }),
    fields,
    everything: everythingIs({ gcp: { project } }),
    limits,
    permissions: { read: '', write: '' },
    prefix,
    patienceMs,
    store: { ...controlOver(somebody, parent), ...unattended },
    async close() {
      // As a whole first: what is deleted would be missing from the pages that follow.
      const found = await Array.fromAsync(somebody.listSecretsAsync({ parent, filter: `name:${prefix}` }, once));
      for (const { name } of found) if (name?.includes(`/secrets/${prefix}`)) await somebody.deleteSecret({ name });
      await somebody.close();
    },
  };
}

/** What somebody with full rights sees and does through Google's own client. */
function controlOver(somebody: v1.SecretManagerServiceClient, parent: string) {
  const nameOf = (id: string) => `${parent}/secrets/${id}`;
  const addVersion = (id: string, value: string) =>
    somebody.addSecretVersion({ parent: nameOf(id), payload: { data: Buffer.from(value) } });
  return {
    async valueOf(id) {
      try {
        const [{ payload }] = await somebody.accessSecretVersion({ name: `${nameOf(id)}/versions/latest` });
        return Buffer.from(payload?.data ?? '').toString();
      } catch (error) {
        if ((error as { code?: number }).code === notFound) return null;
        throw error;
      }
    },
    async tagsOf(id) {
      const [{ labels, annotations }] = await somebody.getSecret({ name: nameOf(id) });
      return { ...labels, ...annotations };
    },
    async versionCount(id) {
      return (await Array.fromAsync(somebody.listSecretVersionsAsync({ parent: nameOf(id) }, once))).length;
    },
    changeByHand: async (id, value) => void (await addVersion(id, value)),
    deleteByHand: async (id) => void (await somebody.deleteSecret({ name: nameOf(id) })),
    async createForeign(id, value, marks) {
      const labels = marks ? { [markNames.owner]: marks.owner } : {};
      const annotations = marks ? { [markNames.ref]: marks.ref } : {};
      await somebody.createSecret({
        parent,
        secretId: id,
        secret: { replication: { automatic: {} }, labels, annotations },
      });
      await addVersion(id, value);
    },
  } satisfies Partial<StoreControl>;
}

/** Pages come as they are asked for; without it the client warns. */
const once = { autoPaginate: false };

/** The status of gRPC. */
const notFound = 5;
