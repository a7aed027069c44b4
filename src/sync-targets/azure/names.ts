import type { AzureDestination } from '../../crd/destinations/azure.ts';
import type { Destination } from '../../crd/vault-secret-sync.ts';
import { fixSpec } from '../../errors.ts';
import type { KeptPlace, NameOptions } from '../contract.ts';
import { escapeName, type Spelling, unescapeName } from '../reversible-names.ts';
import type { AzureSettings } from './settings.ts';

/** Azure: secret name, at most 127 characters. */
const maxCharacters = 127;

/** Azure: secret name, `[0-9a-zA-Z-]`. */
const foreignCharacter = /[^0-9A-Za-z-]/gu;

/** Azure ignores the letter case of names: reversible ones have no capitals. */
const reversible: Spelling = {
  store: 'Azure Key Vault',
  field: 'dest.azure.name',
  longest: maxCharacters,
  plain: /^[0-9a-z]$/,
  mark: '-',
  short: '/-',
  ignoresCase: true,
};

/**
 * The secret's name for a name: what the store lacks becomes `-` in derived names, or is written so that it can be read
 * back, and is refused in written ones.
 * @throws SyncError `FixSpec`
 */
export function secretNameOf(name: string, { derived, naming }: NameOptions): string {
  const secretName = derived ? deriveFrom(name, naming) : name;
  const foreign = secretName.match(foreignCharacter);
  if (foreign) {
    const shown = [...new Set(foreign)].map((character) => JSON.stringify(character)).join(' ');
    const text = `Azure Key Vault cannot hold the name ${JSON.stringify(name)} because of ${shown}: use letters, digits and -`;
    throw fixSpec('NameInvalid', text);
  }
  if (secretName === '') {
    throw fixSpec(
      'NameInvalid',
      `Azure Key Vault needs a name of 1 to ${maxCharacters} characters, and this one is empty`,
    );
  }
  if (secretName.length > maxCharacters) {
    const text = `a name of ${secretName.length} characters (${secretName.slice(0, 40)}…) is too long for Azure Key Vault: ${maxCharacters} at most`;
    throw fixSpec('NameTooLong', text);
  }
  return secretName;
}

function deriveFrom(name: string, naming: NameOptions['naming']): string {
  return naming === 'Reversible' ? escapeName(name, reversible) : name.replace(foreignCharacter, '-');
}

/** What a reversible name was made of; null = it is none. */
export function originalOf(secretName: string): string | null {
  return unescapeName(secretName, reversible);
}

/** What the manifest calls the vault, in one spelling. @throws SyncError `FixSpec` for a `vaultUrl` that is none */
function vaultKeyOf({ vaultUrl, vaultName }: AzureDestination): string {
  if (vaultUrl !== undefined) return hostOf(vaultUrl);
  if (vaultName !== undefined) return vaultName.toLowerCase();
  throw fixSpec('VaultMissing', 'an azure destination names its vault: give vaultName or vaultUrl');
}

/** The vault and who writes to it: whoever is told apart has a target, and a sign-in, of their own. */
export function targetKeyOf(destination: AzureDestination): string {
  const { auth } = destination;
  const vault = vaultKeyOf(destination);
  if (auth === undefined) return vault;
  const { serviceAccountRef, secretRef, clientId = '', tenantId = '' } = auth;
  return JSON.stringify([vault, serviceAccountRef?.name ?? '', secretRef?.name ?? '', clientId, tenantId]);
}

/**
 * The vault's host, with its port where that is not 443, in lower case. Only hosts of the configured cloud and those
 * that the settings allow: whatever answers there receives our token.
 * @throws SyncError `FixSpec`
 */
export function vaultHostOf(destination: AzureDestination, settings: AzureSettings): string {
  const key = vaultKeyOf(destination);
  const suffix = `.${settings.dnsSuffix.toLowerCase()}`;
  if (destination.vaultUrl === undefined) return `${key}${suffix}`;
  if (isOfCloud(key, settings)) return key;
  if (settings.allowedHosts.some((allowed) => allowed.toLowerCase() === key)) return key;
  const text = `vaultUrl names the host ${key}, which is no vault below ${suffix.slice(1)}: correct it, or have the operator's setting stores.azure.allowedHosts name that host`;
  throw fixSpec('VaultNotAllowed', text);
}

/** Where a scope leads; whether it may be written to is asked when it is opened. Null = it is no scope of Azure. */
export function destinationAt({ scope, auth }: KeptPlace): Destination | null {
  const host = /^azure:([^/]+)$/.exec(scope)?.[1];
  const vaultUrl = `https://${host}`;
  return host !== undefined && URL.parse(vaultUrl)?.host === host
    ? { azure: { vaultUrl, ...(auth === undefined ? {} : { auth: auth as AzureDestination['auth'] & {} }) } }
    : null;
}

/** Whether the host is a vault of the configured cloud, rather than one that the settings allow besides. */
export function isOfCloud(host: string, { dnsSuffix }: AzureSettings): boolean {
  const suffix = `.${dnsSuffix.toLowerCase()}`;
  return host.endsWith(suffix) && !host.slice(0, -suffix.length).includes('.');
}

function hostOf(vaultUrl: string): string {
  const url = URL.parse(vaultUrl);
  const isBare =
    url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (url?.protocol !== 'https:' || !isBare) {
    throw fixSpec(
      'VaultUrlInvalid',
      'a vaultUrl is https:// and the host of a vault, e.g. https://team-a.vault.azure.net',
    );
  }
  return url.host;
}

/** Azure ignores the letter case of names. */
export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
