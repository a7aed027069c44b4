import { type MotoPeer, startMoto } from '../../test/peers/start-moto.ts';
import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type AzureKeyVaultStandIn, startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { type GcpSecretManager, startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { region } from '../loopback-settings.ts';
import { type BenchStore, openAws, openAzure, openGcp, project } from './stores.ts';

/** A real Vault, moto, the stand-ins, and a vendor's client for each store. */
export interface Peers {
  readonly vault: VaultPeer;
  readonly aws: MotoPeer;
  readonly azure: AzureKeyVaultStandIn;
  readonly gcp: GcpSecretManager;
  readonly stores: readonly BenchStore[];
}

/** Starts them all; they end with the stack. */
export async function startPeers(stack: AsyncDisposableStack): Promise<Peers> {
  const vault = await startVault();
  stack.defer(() => vault.stop());
  const aws = await startMoto();
  stack.defer(() => aws.stop());
  const azure = await startAzureKeyVault();
  stack.defer(() => azure.stop());
  const gcp = await startGcpSecretManager({ projects: [{ id: project, number: '123456789012' }] });
  stack.defer(() => gcp.stop());
  const stores = [openAws({ endpoint: aws.endpoint, region, title: 'AWS (moto)' }), openAzure(azure), openGcp(gcp)];
  for (const store of stores) stack.defer(() => store.close());
  return { vault, aws, azure, gcp, stores };
}
