import { comparableAddress } from '../paths/places.ts';
import type { Sender } from './credentials.ts';
import type { VaultNames } from './settings.ts';

/** Which Vault an event comes from; `forbidden`: the sender speaks for another one than it may. */
export type WhichVault = { readonly vault: string } | { readonly refused: 'forbidden' | 'unknown' };

export interface Claims {
  /** `<vault>` of `/events/<vault>`. */
  readonly path: string | undefined;
  readonly sender: Sender;
  /** Header `X-Vault-Tenant`: name, address or alias. */
  readonly tenant: string | undefined;
}

/**
 * In this order: the path, the sender's own Vault, the header, the only Vault there is. A header that names no Vault
 * we know says nothing; a path does, for it was written for us.
 */
export function createWhichVault(vaults: readonly VaultNames[]): (claims: Claims) => WhichVault {
  const byTenant = new Map<string, string>();
  for (const { name, address, aliases } of vaults) {
    for (const alias of [address, ...aliases]) byTenant.set(comparableAddress(alias), name);
  }
  for (const { name } of vaults) byTenant.set(comparableAddress(name), name);
  const names = new Set(vaults.map(({ name }) => name));
  const only = vaults.length === 1 ? vaults[0]?.name : undefined;

  return ({ path, sender, tenant }) => {
    const fromHeader = tenant === undefined ? undefined : byTenant.get(comparableAddress(tenant.trim()));
    const bound = sender.vault;
    if (bound !== null) {
      const others = [path, fromHeader].filter((name) => name !== undefined && name !== bound);
      return others.length > 0 ? { refused: 'forbidden' } : { vault: bound };
    }
    if (path !== undefined) return names.has(path) ? { vault: path } : { refused: 'unknown' };
    // A sender that names a Vault means it: taking another one for it would look at the wrong secrets.
    const found = tenant === undefined ? only : fromHeader;
    return found === undefined ? { refused: 'unknown' } : { vault: found };
  };
}
