import type { Destination, Spec, Store, VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { storeOf, syncKeyOf } from '../crd/vault-secret-sync.ts';
import { fixSpec } from '../errors.ts';
import type { Captures } from '../paths/patterns.ts';
import { comparableAddress, trimSlashes } from '../paths/places.ts';
import { expandName, matchName, parseSelector, type Selector } from '../paths/selector.ts';
import type { Target } from '../sync-targets/contract.ts';
import type { SecretPlace } from '../vault/contract.ts';
import { ownerOf, refOf, sourceKeyOf } from './marks.ts';
import type { PolicyCheck } from './policies.ts';
import type { KnownVault } from './ports.ts';
import { compileFilters, type PathFilter } from './transform/filters.ts';
import { compileRenderer, type RenderValue } from './transform/renderer.ts';

/** A sync whose words have been looked up: which Vault, which selector, which marks. */
export interface ResolvedSync {
  readonly key: string;
  readonly sync: VaultSecretSync;
  readonly spec: Spec;
  /** Name of the Vault. */
  readonly vault: string;
  /** Vault namespace; '' is the root. */
  readonly namespace: string;
  readonly selector: Selector;
  readonly filter: PathFilter;
  /** Makes the value of a copy of a secret's keys. */
  readonly render: RenderValue;
  readonly owner: string;
  readonly ref: string;
}

/** One copy that a sync wants of one secret. */
export interface WantedCopy {
  /** Tells copies apart across all syncs. */
  readonly id: string;
  readonly target: Target;
  readonly store: Store;
  readonly destination: Destination;
  readonly name: string;
  readonly source: string;
}

/** Looks a sync's words up. Pure. @throws SyncError `FixSpec` */
export function resolveSync(
  sync: VaultSecretSync,
  context: { readonly vaults: readonly KnownVault[]; readonly installation: string },
): ResolvedSync {
  const { source } = sync.spec;
  const vault = findVault(source.address, context.vaults);
  const namespace = trimSlashes(source.namespace ?? '');
  if (namespace !== '' && !vault.namespaces) {
    throw fixSpec(
      'NamespacesOff',
      `source.namespace is "${namespace}", but Vault "${vault.name}" is set up without namespaces; ` +
        'set namespaces: true for it if it is Vault Enterprise or OpenBao (community Vault ignores namespaces and would answer from the root)',
    );
  }
  return {
    key: syncKeyOf(sync),
    sync,
    spec: sync.spec,
    vault: vault.name,
    namespace,
    selector: parseSelector(source),
    filter: compileFilters(sync.spec.filters),
    render: compileRenderer(sync.spec.transforms),
    owner: ownerOf({ installation: context.installation, namespace: sync.namespace, name: sync.name }),
    ref: refOf(sync),
  };
}

function findVault(address: string | undefined, vaults: readonly KnownVault[]): KnownVault {
  const known = vaults.map((vault) => `${vault.name} (${vault.address})`).join(', ');
  if (address === undefined) {
    const [only, another] = vaults;
    if (only && !another) return only;
    throw fixSpec('VaultUnclear', `source.address is missing, and the settings know several Vaults: ${known}`);
  }
  const wanted = comparableAddress(address);
  const found = vaults.find((vault) =>
    [vault.name, vault.address, ...vault.aliases].some((word) => comparableAddress(word) === wanted),
  );
  if (found) return found;
  throw fixSpec(
    'VaultUnknown',
    `source.address "${address}" is none of the Vaults in the settings: ${known}. ` +
      'Whoever runs the operator adds it under vaults, or as an alias of one',
  );
}

/** What a sync captures from the name of a secret of its mount; null when it does not select it, or filters it out. */
export function selectName({ selector, filter }: ResolvedSync, name: string): Captures | null {
  const captures = matchName(selector, name);
  return captures !== null && filter(`${selector.mount}/${name}`) ? captures : null;
}

/**
 * The copy that a destination of a sync asks for; null when the sync does not select the secret.
 * @throws SyncError `FixSpec` for names that the store cannot hold, and for what no policy allows
 */
export function wantedCopy(options: {
  readonly resolved: ResolvedSync;
  readonly place: SecretPlace;
  readonly destination: Destination;
  readonly target: Target;
  readonly allows: PolicyCheck;
}): WantedCopy | null {
  const { resolved, place, destination, target, allows } = options;
  const captures = selectName(resolved, place.name);
  if (captures === null) return null;
  const store = storeOf(destination);
  const template = destination[store]?.name;
  const expanded = expandName({ template, selector: resolved.selector, name: place.name, captures });
  const name = target.nameOf(expanded.name, { derived: expanded.derived });
  const denied = allows({
    namespace: resolved.sync.namespace,
    vault: resolved.vault,
    path: [place.namespace, place.mount, place.name].filter((part) => part !== '').join('/'),
    destination: `${target.scope}/${name}`,
    role: destination.aws?.roleArn,
  });
  if (denied) throw denied;
  return {
    id: `${target.scope}/${target.identityOf(name)}`,
    target,
    store,
    destination,
    name,
    source: sourceKeyOf(resolved.vault, place),
  };
}
