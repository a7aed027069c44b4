import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SecretClient } from '@azure/keyvault-secrets';
import { v1 } from '@google-cloud/secret-manager';
import { googleAuthLibrary, grpc } from 'google-gax';
import type { Destination } from '../../src/crd/vault-secret-sync.ts';
import { createCredential } from '../../src/sync-targets/azure/credential.ts';
import type { AzureKeyVaultStandIn } from '../../test/stand-ins/azure-key-vault/start.ts';
import type { GcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { azureSettings } from '../loopback-settings.ts';
import type { AnsweringAws } from './answering-aws.ts';
import { mapAtOnce } from './changes.ts';

/** A store as the bench uses it: by the vendor's own SDK, beside vault-secret-sync. */
export interface BenchStore {
  /** Where and what answers, e.g. `AWS (moto)`. */
  readonly title: string;
  /** For a manifest whose path is `secret/bench/(…)`. */
  readonly destination: Destination;
  /** What the program's log calls the copy of `secret/bench/<id>`. */
  copyOf(id: string): string;
  create(id: string, value: string): Promise<void>;
  /** One write to a secret that exists. */
  write(id: string, value: string): Promise<void>;
  /** What the copies hold; null = nothing. */
  values(ids: readonly string[]): Promise<(string | null)[]>;
  /** How many versions the store was given: the number of writes that reached it. */
  versions(id: string): Promise<number>;
  close(): Promise<void>;
}

export const project = 'bench-project';

/** AWS Secrets Manager at an endpoint that needs no real credentials. */
export function openAws(options: {
  readonly endpoint: string;
  readonly region: string;
  readonly title: string;
}): BenchStore {
  const { endpoint, region, title } = options;
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const client = new SecretsManagerClient({ endpoint, region, credentials, maxAttempts: 1 });
  const nameOf = (id: string) => `bench/${id}`;
  return {
    title,
    destination: { aws: { name: 'bench/$1', region } },
    copyOf: (id) => `aws:${region}:/${nameOf(id)}`,
    async create(id, value) {
      await client.send(new CreateSecretCommand({ Name: nameOf(id), SecretString: value }));
    },
    async write(id, value) {
      await client.send(new PutSecretValueCommand({ SecretId: nameOf(id), SecretString: value }));
    },
    async values(ids) {
      const found = new Map<string, string>();
      for (let from = 0; from < ids.length; from += batchSize) {
        const SecretIdList = ids.slice(from, from + batchSize).map(nameOf);
        const { SecretValues = [] } = await client.send(new BatchGetSecretValueCommand({ SecretIdList }));
        for (const { Name = '', SecretString = '' } of SecretValues) found.set(Name, SecretString);
      }
      return ids.map((id) => found.get(nameOf(id)) ?? null);
    },
    async versions(id) {
      const { Versions = [] } = await client.send(
        new ListSecretVersionIdsCommand({ SecretId: nameOf(id), IncludeDeprecated: true }),
      );
      return Versions.length;
    },
    close: async () => client.destroy(),
  };
}

/** AWS: at most 20 values a request. */
const batchSize = 20;

/** The endpoint that answers at once: it is asked directly for what it holds. */
export function openAnswering(aws: AnsweringAws, region: string): BenchStore {
  const title = `AWS ${region}, at once`;
  return {
    ...openAws({ endpoint: aws.endpoint, region, title }),
    values: async (ids) => ids.map((id) => aws.value(region, `bench/${id}`)),
    versions: async (id) =>
      aws.writes.filter((write) => write.region === region && write.name === `bench/${id}`).length,
  };
}

export function openAzure(standIn: AzureKeyVaultStandIn): BenchStore {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(standIn.caFile) });
  const settings = { ...azureSettings(standIn), dnsSuffix: 'vault.azure.net' };
  const credential = createCredential({ settings, agent, now: Date.now });
  const client = new SecretClient(standIn.vaultUrl, credential, {
    agent,
    retryOptions: { maxRetries: 0 },
    disableChallengeResourceVerification: true,
  });
  const nameOf = (id: string) => `bench-${id}`;
  const write = async (id: string, value: string) => void (await client.setSecret(nameOf(id), value));
  return {
    title: 'Azure (stand-in)',
    destination: { azure: { vaultUrl: standIn.vaultUrl, name: 'bench-$1' } },
    copyOf: (id) => `azure:${new URL(standIn.vaultUrl).host}/${nameOf(id)}`,
    create: write,
    write,
    async values(ids) {
      const found = new Map((await standIn.secrets()).map(({ name, value }) => [name, value]));
      return ids.map((id) => found.get(nameOf(id)) ?? null);
    },
    versions: async (id) => (await standIn.secret(nameOf(id)))?.versions ?? 0,
    close: async () => agent.destroy(),
  };
}

export function openGcp(standIn: GcpSecretManager): BenchStore {
  const [apiEndpoint = '', port] = standIn.endpoint.split(':');
  const client = new v1.SecretManagerServiceClient({
    apiEndpoint,
    port: Number(port),
    sslCreds: grpc.credentials.createInsecure(),
    // Without it the client asks the network for Google's metadata server first.
    authClient: new googleAuthLibrary.PassThroughClient(),
  });
  const parent = `projects/${project}`;
  const nameOf = (id: string) => `bench-${id}`;
  const write = async (id: string, value: string) => {
    await client.addSecretVersion({ parent: `${parent}/secrets/${nameOf(id)}`, payload: { data: Buffer.from(value) } });
  };
  return {
    title: 'GCP (stand-in)',
    destination: { gcp: { project, name: 'bench-$1' } },
    copyOf: (id) => `gcp:${project}/${nameOf(id)}`,
    async create(id, value) {
      await client.createSecret({ parent, secretId: nameOf(id), secret: { replication: { automatic: {} } } });
      await write(id, value);
    },
    write,
    values: (ids) =>
      mapAtOnce(ids, 8, async (id) => (await standIn.payload(project, nameOf(id)))?.toString('utf8') ?? null),
    async versions(id) {
      const secret = (await standIn.secrets()).find(({ name }) => name === nameOf(id));
      return secret?.versions.length ?? 0;
    },
    close: () => client.close(),
  };
}
