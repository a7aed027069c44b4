import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type MotoPeer, startMoto } from '../../test/peers/start-moto.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { region } from '../loopback-settings.ts';

/** A store as somebody outside looks at it: the demo trusts nothing that vault-secret-sync says of itself. */
export interface Store {
  readonly name: string;
  /** The copy's value; null = there is none. */
  look(): Promise<string | null>;
  /** Changes the copy by hand. */
  tamper(value: string): Promise<void>;
  /** How a person looks at it. */
  readonly howToLook: string;
}

export { region };

export interface Stores {
  readonly all: readonly Store[];
  readonly aws: MotoPeer;
  readonly azure: AzureKeyVaultStandIn;
  readonly gcp: GcpSecretManager;
  stop(): Promise<void>;
}

export const project = 'demo-project';
/** What the copy is called in each store. */
export const copyName: CopyNames = { aws: 'demo/app', azure: 'demo-app', gcp: 'demo-app' };

export interface CopyNames {
  readonly aws: string;
  readonly azure: string;
  readonly gcp: string;
}

/** Starts the three stores on loopback; `names` are the copies that are looked at. */
export async function startStores(names: CopyNames = copyName): Promise<Stores> {
  const aws = await startMoto();
  const azure = await startAzureKeyVault({ deletingMs: 20, recoveringMs: 20 });
  const gcp = await startGcpSecretManager({ projects: [{ id: project, number: '123456789012' }] });
  const client = new SecretsManagerClient({
    endpoint: aws.endpoint,
    region,
    credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' },
  });
  return {
    aws,
    azure,
    gcp,
    all: [
      {
        name: 'AWS Secrets Manager',
        look: () => lookAtAws(client, names.aws),
        tamper: async (value) => {
          await client.send(new PutSecretValueCommand({ SecretId: names.aws, SecretString: value }));
        },
        howToLook: `AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo aws --region ${region} --endpoint-url ${aws.endpoint} secretsmanager get-secret-value --secret-id ${names.aws}`,
      },
      {
        name: 'Azure Key Vault',
        look: async () => {
          const secret = await azure.secret(names.azure);
          return secret?.phase === 'live' ? secret.value : null;
        },
        tamper: (value) => azure.setByHand(names.azure, { value }),
        howToLook: `curl ${azure.adminUrl}/_admin/secrets/${names.azure}`,
      },
      {
        name: 'GCP Secret Manager',
        look: async () => (await gcp.payload(project, names.gcp))?.toString('utf8') ?? null,
        tamper: async () => {
          throw new Error('the demo changes no copy in GCP by hand');
        },
        howToLook: `curl ${gcp.adminUrl}/secrets/${project}/${names.gcp}/payload`,
      },
    ],
    async stop() {
      client.destroy();
      await Promise.all([aws.stop(), azure.stop(), gcp.stop()]);
    },
  };
}

async function lookAtAws(client: SecretsManagerClient, name: string): Promise<string | null> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
    return SecretString ?? null;
  } catch (error) {
    // Gone, or scheduled for deletion: nobody can read it.
    const { name: kind } = error as Error;
    if (kind === 'ResourceNotFoundException' || kind === 'InvalidRequestException') return null;
    throw error;
  }
}
