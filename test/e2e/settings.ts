import type { Stores } from '../../scripts/demo/stores.ts';
import { region } from '../../scripts/demo/stores.ts';
import type { VaultPeer } from '../peers/start-vault.ts';

/** Credentials that the AWS SDK finds in the environment; moto takes any. */
export const awsCredentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/** The part of the settings that every end-to-end test shares: one Vault, three stores, policies that allow them. */
export function settingsFor(vault: VaultPeer, { aws, azure, gcp }: Stores): Record<string, unknown> {
  return {
    installation: 'end-to-end',
    fingerprintKey: 'a fingerprint key that only these tests know',
    vaults: [{ name: 'main', address: vault.address, auth: { method: 'token', token: vault.token } }],
    policies: [{ namespaces: ['*'], paths: ['secret/**'], destinations: ['aws:**', 'azure:**', 'gcp:**'] }],
    stores: {
      aws: { endpoint: aws.endpoint, region },
      azure: {
        authorityHost: azure.authorityHost,
        tenantId: azure.tenantId,
        clientId: azure.clientId,
        clientSecret: azure.clientSecret,
        allowedHosts: [new URL(azure.vaultUrl).host],
        caFile: azure.caFile,
      },
      gcp: { endpoint: gcp.endpoint, insecure: true },
    },
    webhook: {
      http: { host: '127.0.0.1', port: 0 },
      tcp: [{ host: '127.0.0.1', port: 0, vault: 'main' }],
      tokens: [{ token: 'sender-token-of-the-tests' }],
    },
    ops: { host: '127.0.0.1', port: 0 },
    shutdownGrace: 5,
  };
}
