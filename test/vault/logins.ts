import { isRecord } from '../../src/vault/answer.ts';
import type { AppRoleAuth } from '../../src/vault/auth.ts';
import type { VaultPeer } from '../peers/start-vault.ts';
import { must } from './world.ts';

/** A field somewhere in an answer of Vault, e.g. `pick(answer, 'data', 'keys')`. */
export function pick(from: unknown, ...path: string[]): unknown {
  return path.reduce((value, key) => (isRecord(value) ? value[key] : undefined), from);
}

export interface RoleOptions {
  readonly mount: string;
  readonly role: string;
  readonly ttl?: string;
  readonly maxTtl?: string;
  readonly type?: 'service' | 'batch';
  readonly policies?: string;
}

/** Creates an AppRole and a secret id for it. */
export async function createAppRole(vault: VaultPeer, options: RoleOptions): Promise<AppRoleAuth> {
  const { mount, role } = options;
  const path = `auth/${mount}/role/${role}`;
  await must(vault, 'POST', path, {
    token_policies: options.policies ?? 'reader',
    token_ttl: options.ttl ?? '1h',
    token_max_ttl: options.maxTtl ?? '0',
    token_type: options.type ?? 'service',
  });
  const roleId = String(pick(await must(vault, 'GET', `${path}/role-id`), 'data', 'role_id'));
  const secretId = String(pick(await must(vault, 'POST', `${path}/secret-id`), 'data', 'secret_id'));
  return { method: 'appRole', mount, roleId, secretId: () => secretId };
}

/** Accessors of the tokens that a role has now. */
export async function tokensOf(vault: VaultPeer, role: string): Promise<string[]> {
  const accessors = pick((await vault.api('LIST', 'auth/token/accessors')).body, 'data', 'keys');
  const found: string[] = [];
  for (const accessor of Array.isArray(accessors) ? accessors : []) {
    const { body } = await vault.api('POST', 'auth/token/lookup-accessor', { accessor });
    const meta = pick(body, 'data', 'meta');
    if (pick(meta, 'role_name') === role || pick(meta, 'role') === role) found.push(String(accessor));
  }
  return found;
}

/** Revokes every token of a role, as an administrator would. */
export async function revokeTokensOf(vault: VaultPeer, role: string): Promise<void> {
  for (const accessor of await tokensOf(vault, role)) {
    await must(vault, 'POST', 'auth/token/revoke-accessor', { accessor });
  }
}
