import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { v1 } from '@google-cloud/secret-manager';
import { googleAuthLibrary, grpc } from 'google-gax';
import { startMoto } from '../peers/start-moto.ts';
import { startAzureKeyVault } from '../stand-ins/azure-key-vault/start.ts';
import { startGcpSecretManager } from '../stand-ins/gcp-secret-manager/start.ts';
import { unlikeOthers as unlikeAws } from './aws/unlike-others.ts';
import { settingsFor } from './azure/under-test.ts';
import { unlikeOthers as unlikeAzure } from './azure/unlike-others.ts';
import type { StoreUnderTest } from './conformance/under-test.ts';
import { project } from './gcp/under-test.ts';
import { unlikeOthers as unlikeGcp } from './gcp/unlike-others.ts';
import { openRealAws } from './real/aws.ts';
import { openRealAzure } from './real/azure.ts';
import { openRealGcp } from './real/gcp.ts';
import { azureLacks, gcpLacks, realConformance } from './real/suite.ts';

/*
 * The suite for real accounts, led to the stores of the other tests by their addresses alone. Only what it left behind is
 * looked at from outside.
 */

/** A store that ends with its peer, once nothing is left in it. */
function endingWith<Settings>(
  store: StoreUnderTest<Settings>,
  peer: { left(): Promise<readonly string[]>; stop(): Promise<void> },
): StoreUnderTest<Settings> {
  return {
    ...store,
    async close() {
      await store.close();
      const left = await peer.left();
      await peer.stop();
      if (left.length > 0) throw new Error(`a run on a real account would leave ${left.join(', ')}`);
    },
  };
}

const notInMoto = 'moto takes a new value for a secret that is scheduled for deletion, which AWS refuses';
const motoWritesWhatIsDeleted = {
  'refuses to update a remembered copy that was deleted by hand, and writes it after looking again': notInMoto,
  'reports no write of a copy that was deleted between the look and the write, or has written it': notInMoto,
};

realConformance({
  name: 'AWS, as a real account',
  unlikeOthers: { ...unlikeAws, skip: { ...unlikeAws.skip, ...motoWritesWhatIsDeleted } },
  async open() {
    const moto = await startMoto();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const settings = { region: 'eu-west-1', endpoint: moto.endpoint, credentials };
    const keys = ['1234abcd-12ab-34cd-56ef-1234567890ab', '5678abcd-12ab-34cd-56ef-1234567890ab'] as const;
    const left = async () => {
      const admin = new SecretsManager({ region: settings.region, endpoint: moto.endpoint, credentials });
      const { SecretList = [] } = await admin.listSecrets({ IncludePlannedDeletion: true });
      admin.destroy();
      return SecretList.map(({ Name = '' }) => Name);
    };
    return endingWith(await openRealAws({ settings, keys: [...keys] }), { left, stop: moto.stop });
  },
});

realConformance({
  name: 'Azure, as a real account',
  unlikeOthers: unlikeAzure,
  lacks: azureLacks,
  async open() {
    const standIn = await startAzureKeyVault();
    const store = await openRealAzure({ vaultUrl: standIn.vaultUrl, settings: settingsFor(standIn) });
    return endingWith(store, {
      left: async () => (await standIn.secrets()).map(({ name }) => name),
      stop: () => standIn.stop(),
    });
  },
});

realConformance({
  name: 'GCP, as a real account',
  unlikeOthers: unlikeGcp,
  lacks: gcpLacks,
  async open() {
    const standIn = await startGcpSecretManager({ projects: [project] });
    const [apiEndpoint = '', port] = standIn.endpoint.split(':');
    const authClient = new googleAuthLibrary.PassThroughClient();
    const sslCreds = grpc.credentials.createInsecure();
    const somebody = new v1.SecretManagerServiceClient({ apiEndpoint, port: Number(port), sslCreds, authClient });
    const settings = { endpoint: standIn.endpoint, insecure: true };
    const store = await openRealGcp({ project: project.id, settings, somebody });
    return endingWith(store, {
      left: async () => (await standIn.secrets()).map(({ name }) => name),
      stop: standIn.stop,
    });
  },
});
