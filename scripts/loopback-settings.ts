import type { VaultPeer } from '../test/peers/start-vault.ts';
import type { AzureKeyVaultStandIn } from '../test/stand-ins/azure-key-vault/start.ts';
import type { GcpSecretManager } from '../test/stand-ins/gcp-secret-manager/start.ts';

/** What a vault-secret-sync on loopback works with. */
export interface LoopbackPeers {
  /** Name of the installation and of its Vault. */
  readonly name: string;
  readonly vault: Pick<VaultPeer, 'address' | 'token'>;
  readonly aws: { readonly endpoint: string };
  readonly azure?: AzureKeyVaultStandIn;
  readonly gcp?: GcpSecretManager;
  /** Folder of the manifests. */
  readonly folder: string;
}

export const region = 'eu-west-1';
/** Any pair will do for what answers in AWS's place. */
export const awsCredentials = { AWS_ACCESS_KEY_ID: 'demo', AWS_SECRET_ACCESS_KEY: 'demo' };
/** What senders to `/events` present. */
export const senderToken = 'loopback-sender';

/** What stands in for the stores has no quotas. */
const callsPerSecond = { read: 10_000, list: 10_000, write: 10_000 };

/** Settings for one process that does everything, with a TCP listener for Vault's audit device; every port is a free one. */
export function loopbackSettings({ name, vault, aws, azure, gcp, folder }: LoopbackPeers) {
  return {
    installation: name,
    fingerprintKey: 'a key for loopback, and only for it',
    vaults: [{ name, address: vault.address, auth: { method: 'token', token: vault.token } }],
    policies: [{ namespaces: ['default'], paths: ['secret/**'], destinations: ['aws:**', 'azure:**', 'gcp:**'] }],
    manifests: { directory: folder },
    stores: {
      aws: { endpoint: aws.endpoint, region, callsPerSecond },
      ...(azure ? { azure: { ...azureSettings(azure), callsPerSecond } } : {}),
      ...(gcp ? { gcp: { endpoint: gcp.endpoint, insecure: true, callsPerSecond } } : {}),
    },
    webhook: {
      http: { host: '127.0.0.1', port: 0 },
      tcp: [{ host: '127.0.0.1', port: 0, vault: name }],
      tokens: [{ token: senderToken }],
    },
    ops: { host: '127.0.0.1', port: 0 },
  };
}

export function azureSettings(azure: AzureKeyVaultStandIn) {
  return {
    authorityHost: azure.authorityHost,
    tenantId: azure.tenantId,
    clientId: azure.clientId,
    clientSecret: azure.clientSecret,
    allowedHosts: [new URL(azure.vaultUrl).host],
    caFile: azure.caFile,
  };
}
