import type { AzureDestination } from '../../../src/crd/destinations/azure.ts';
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

export const limits: StoreUnderTest['limits'] = {
  nameCharacters: 127,
  valueBytes: 25_600,
  tags: { count: 12, keyCharacters: 512, valueCharacters: 512 },
};

/** The stand-in as the suite that every target passes wants to see it. */
export function azureUnderTest(standIn: AzureKeyVaultStandIn): StoreUnderTest<AzureSettings> {
  return {
    kind: azure,
    settings: settingsFor(standIn),
    destination: (tags) => ({ azure: { vaultUrl: standIn.vaultUrl, tags: { ...tags } } }),
    store: controlOf(standIn),
    fields: fieldsOf(standIn),
    everything: {
      first: { azure: { vaultUrl: standIn.vaultUrl, ...attributes } },
      later: { azure: { vaultUrl: standIn.vaultUrl, ...otherAttributes } },
    },
    limits,
    permissions: {
      read: 'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
      write: 'Microsoft.KeyVault/vaults/secrets/setSecret/action',
    },
    close: () => standIn.stop(),
  };
}

const attributes = {
  tags: { team: 'payments' },
  contentType: 'token',
  notBefore: '2026-01-01T00:00:00Z',
  expires: '2037-06-01T00:00:00Z',
} as const;

const otherAttributes = {
  tags: { stage: 'test' },
  contentType: 'other',
  notBefore: '2026-02-01T00:00:00Z',
  expires: '2037-07-01T00:00:00Z',
} as const;

function fieldsOf(standIn: AzureKeyVaultStandIn): StoreUnderTest['fields'] {
  const destination = (fields: AzureDestination) => ({ azure: { vaultUrl: standIn.vaultUrl, ...fields } });
  const { tags, contentType, notBefore, expires } = attributes;
  return {
    tags: {
      destination: destination({ tags }),
      async spoil(name) {
        const before = (await standIn.secret(name))?.tags;
        await standIn.updateByHand(name, { tags: { ...before, team: 'x' } });
      },
      takenOut: 'Goes',
    },
    contentType: {
      destination: destination({ contentType }),
      spoil: (name) => standIn.updateByHand(name, { contentType: 'theirs' }),
      takenOut: 'Goes',
    },
    enabled: {
      destination: destination({ enabled: false }),
      spoil: (name) => standIn.updateByHand(name, { attributes: { enabled: true } }),
      takenOut: 'Goes',
    },
    notBefore: {
      destination: destination({ notBefore }),
      spoil: (name) => standIn.updateByHand(name, { attributes: { nbf: 1 } }),
      takenOut: 'Goes',
    },
    expires: {
      destination: destination({ expires }),
      spoil: (name) => standIn.updateByHand(name, { attributes: { exp: 2_000_000_000 } }),
      takenOut: 'Goes',
    },
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
    hanging: () => standIn.hanging(),
    fault: (fault, which) => standIn.fault({ ...faultOf(fault), ...which }),
    clearFaults: () => standIn.clearFaults(),
  };
}

function faultOf(fault: StoreFault): Fault {
  switch (fault) {
    case 'throttle':
      return { kind: 'throttle' };
    case 'throttleFor7s':
      return { kind: 'throttle', retryAfterSeconds: 7 };
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
