import type { AzureSettings } from '../../../src/sync-targets/azure/index.ts';
import { azure } from '../../../src/sync-targets/azure/index.ts';
import { markNames } from '../../../src/sync-targets/contract.ts';
import { eventually } from '../../peers/processes.ts';
import type { Fault } from '../../stand-ins/azure-key-vault/faults.ts';
import type { AzureKeyVaultStandIn } from '../../stand-ins/azure-key-vault/start.ts';
import type { StoreControl, StoreFault, StoreUnderTest } from '../conformance/under-test.ts';

/** What the operator's settings would say to reach the stand-in. */
export function settingsFor(standIn: AzureKeyVaultStandIn): AzureSettings {
  const { authorityHost, tenantId, clientId, clientSecret, caFile } = standIn;
  const allowedHosts = [new URL(standIn.vaultUrl).host];
  return { dnsSuffix: 'vault.azure.net', authorityHost, tenantId, clientId, clientSecret, caFile, allowedHosts };
}

/** The stand-in as the suite that every target passes wants to see it. */
export function azureUnderTest(standIn: AzureKeyVaultStandIn): StoreUnderTest<AzureSettings> {
  return {
    kind: azure,
    settings: settingsFor(standIn),
    destination: (tags) => ({ azure: { vaultUrl: standIn.vaultUrl, tags: { ...tags } } }),
    store: controlOf(standIn),
    limits: { nameCharacters: 127, valueBytes: 25_600 },
    permissions: {
      read: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
      write: 'Microsoft.KeyVault/vaults/secrets/setSecret/action',
    },
    close: () => standIn.stop(),
  };
}

const writes = ['SetSecret', 'UpdateSecret', 'DeleteSecret', 'RecoverDeletedSecret', 'PurgeDeletedSecret'];

function controlOf(standIn: AzureKeyVaultStandIn): StoreControl {
  return {
    async valueOf(name) {
      const secret = await standIn.secret(name);
      return secret?.phase === 'live' || secret?.phase === 'settling' ? secret.value : null;
    },
    tagsOf: async (name) => (await standIn.secret(name))?.tags ?? {},
    versionCount: async (name) => (await standIn.secret(name))?.versions ?? 0,
    changeByHand: (name, value) => standIn.setByHand(name, { value }),
    async deleteByHand(name) {
      await standIn.deleteByHand(name);
      await eventually(async () => (await standIn.secret(name))?.phase === 'deleted', {
        what: `${name} to be deleted`,
      });
    },
    async createForeign(name, value, marks) {
      const tags = marks ? { [markNames.owner]: marks.owner, [markNames.ref]: marks.ref } : {};
      await standIn.setByHand(name, { value, tags });
    },
    async requests() {
      const requests = await standIn.requests();
      return requests
        .filter(({ operation }) => operation !== 'GetToken')
        .map(({ operation }) => ({ operation, write: writes.includes(operation) }));
    },
    forgetRequests: () => standIn.clearRequests(),
    fault: (fault, count) => standIn.fault({ ...faultOf(fault), ...(count === undefined ? {} : { count }) }),
    clearFaults: () => standIn.clearFaults(),
  };
}

function faultOf(fault: StoreFault): Fault {
  switch (fault) {
    case 'throttle':
      return { kind: 'throttle', retryAfterSeconds: 2 };
    case 'unavailable':
      return { kind: 'error', status: 503 };
    case 'denied':
      return { kind: 'rbac' };
    case 'hang':
      return { kind: 'hang' };
    case 'lostAnswer':
      return { kind: 'lost' };
    default: {
      const never: never = fault;
      throw new Error(`unknown fault ${String(never)}`);
    }
  }
}
