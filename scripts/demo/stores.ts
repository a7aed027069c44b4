import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type MotoPeer, startMoto } from '../../test/peers/start-moto.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';

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

export interface Stores {
  readonly all: readonly Store[];
  readonly aws: MotoPeer;
  readonly azure: AzureKeyVaultStandIn;
  readonly gcp: GcpSecretManager;
  stop(): Promise<void>;
}

export const region = 'eu-west-1';
export const project = 'demo-project';
/** What the copy is called in each store. */
export const copyName = { aws: 'demo/app', azure: 'demo-app', gcp: 'demo-app' } as const;

/** Starts the three stores on loopback. */
export async function startStores(): Promise<Stores> {
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
        look: () => lookAtAws(client),
        tamper: async (value) => {
          await client.send(new PutSecretValueCommand({ SecretId: copyName.aws, SecretString: value }));
        },
        howToLook: `AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo aws --region ${region} --endpoint-url ${aws.endpoint} secretsmanager get-secret-value --secret-id ${copyName.aws}`,
      },
      {
        name: 'Azure Key Vault',
        look: async () => {
          const secret = await azure.secret(copyName.azure);
          return secret?.phase === 'live' ? secret.value : null;
        },
        tamper: (value) => azure.setByHand(copyName.azure, { value }),
        howToLook: `curl ${azure.adminUrl}/_admin/secrets/${copyName.azure}`,
      },
      {
        name: 'GCP Secret Manager',
        look: async () => (await gcp.payload(project, copyName.gcp))?.toString('utf8') ?? null,
        tamper: async () => {
          throw new Error('the demo changes no copy in GCP by hand');
        },
        howToLook: `curl ${gcp.adminUrl}/secrets/${project}/${copyName.gcp}/payload`,
      },
    ],
    async stop() {
      client.destroy();
      await Promise.all([aws.stop(), azure.stop(), gcp.stop()]);
    },
  };
}

async function lookAtAws(client: SecretsManagerClient): Promise<string | null> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: copyName.aws }));
    return SecretString ?? null;
  } catch (error) {
    // Gone, or scheduled for deletion: nobody can read it.
    const name = (error as Error).name;
    if (name === 'ResourceNotFoundException' || name === 'InvalidRequestException') return null;
    throw error;
  }
}
