import type { VaultAuth as AuthSettings, Settings, VaultSettings } from '../../config/settings.ts';
import type { Logger } from '../../logging.ts';
import type { Metrics } from '../../metrics.ts';
import type { VaultAuth } from '../../vault/auth.ts';
import type { VaultReader } from '../../vault/contract.ts';
import { createVaultReader } from '../../vault/reader.ts';
import { readCredential, readText } from '../read-settings.ts';

/** Milliseconds for one request to Vault. */
const requestMs = 10_000;

/** One reader for each Vault of the settings. */
export interface Vaults {
  reader(name: string): VaultReader;
  close(): Promise<void>;
}

export async function composeVaults(settings: Settings, parts: { logger: Logger; metrics: Metrics }): Promise<Vaults> {
  const readers = new Map<string, VaultReader>();
  for (const vault of settings.vaults) readers.set(vault.name, await open(vault, parts));
  return {
    reader(name) {
      const reader = readers.get(name);
      if (!reader) throw new Error(`no reader for Vault ${name}`);
      return reader;
    },
    async close() {
      await Promise.allSettled([...readers.values()].map((reader) => reader.close()));
    },
  };
}

async function open(
  vault: VaultSettings,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
): Promise<VaultReader> {
  return createVaultReader({
    address: vault.address,
    namespaces: vault.namespaces,
    auth: authOf(vault.name, vault.auth),
    ...(vault.caFile === undefined ? {} : { caPem: await readText(vault.caFile, `vaults.${vault.name}.caFile`) }),
    timeouts: { requestMs },
    now: Date.now,
    logger: logger.child({ vault: vault.name }),
    onRequest: (operation) => metrics.vaultRequests.inc({ operation }),
  });
}

function authOf(name: string, auth: AuthSettings): VaultAuth {
  const at = auth.mount === undefined ? {} : { mount: auth.mount };
  switch (auth.method) {
    case 'token':
      return { method: 'token', token: credential(auth.token, auth.tokenFile, `vaults.${name}.auth.tokenFile`) };
    case 'appRole':
      return {
        method: 'appRole',
        ...at,
        roleId: auth.roleId ?? '',
        secretId: credential(auth.secretId, auth.secretIdFile, `vaults.${name}.auth.secretIdFile`),
      };
    case 'kubernetes':
      return {
        method: 'kubernetes',
        ...at,
        role: auth.role ?? '',
        jwt: () => readCredential(auth.jwtFile, `vaults.${name}.auth.jwtFile`),
      };
    default: {
      const never: never = auth.method;
      return never;
    }
  }
}

/** A credential that stands in the settings or in a file; the loader made sure that one of them does. */
function credential(value: string | undefined, file: string | undefined, what: string): () => Promise<string> {
  return async () => (file === undefined ? (value ?? '') : readCredential(file, what));
}
