import type { Destination, Spec, Store, VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { storeOf, syncKeyOf } from '../crd/vault-secret-sync.ts';
import { fixSpec } from '../errors.ts';
import { comparableAddress, trimSlashes } from '../paths/places.ts';
import { parseSelection, type Selection } from '../paths/selection.ts';
import type { JsonObject } from '../vault/json.ts';
import { ownerOf, refOf } from './marks.ts';
import { compileMetadataSelector, type MetadataTest } from './metadata-selector.ts';
import { type CompiledDestination, compileDestination } from './naming/destination.ts';
import { type CompiledText, compileName } from './naming/text.ts';
import type { KnownVault } from './ports.ts';
import { compileShape } from './shape/shape.ts';
import { compileFilters, type PathFilter } from './transform/filters.ts';
import { compileTransforms } from './transform/transforms.ts';

/** A sync whose words have been looked up and compiled. */
export interface ResolvedSync {
  readonly key: string;
  readonly sync: VaultSecretSync;
  readonly spec: Spec;
  /** Name of the Vault. */
  readonly vault: string;
  /** Vault namespace; '' is the root. */
  readonly namespace: string;
  readonly selection: Selection;
  readonly filter: PathFilter;
  /** Whether a secret with this custom metadata is selected; null = metadata does not matter. */
  readonly selectsMetadata: MetadataTest | null;
  /** Chooses and renames the keys of a secret. @throws SyncError `FixSpec` where keys meet */
  readonly chooseKeys: (data: JsonObject) => JsonObject;
  readonly destinations: readonly ResolvedDestination[];
  readonly owner: string;
  readonly ref: string;
}

/** An entry of `spec.dest`, compiled. */
export interface ResolvedDestination {
  readonly destination: Destination;
  readonly store: Store;
  readonly index: number;
  readonly name: CompiledText;
  /** Tags, labels and the like. */
  readonly texts: CompiledDestination;
  /** One copy for each key of a secret. */
  readonly perKey: boolean;
  readonly naming: 'Readable' | 'Reversible';
  /** Makes the value of the keys that were chosen. @throws SyncError where they cannot take this shape */
  readonly shape: (keys: JsonObject) => string;
  /** The copies are known only when the secret has been read: their names follow from its keys or its metadata. */
  readonly late: boolean;
}

/** Looks a sync's words up. Pure. @throws SyncError `FixSpec` */
export function resolveSync(
  sync: VaultSecretSync,
  context: { readonly vaults: readonly KnownVault[]; readonly installation: string },
): ResolvedSync {
  const { source, transforms, filters, dest } = sync.spec;
  const vault = findVault(source.address, context.vaults);
  const namespace = trimSlashes(source.namespace ?? '');
  if (namespace !== '' && !vault.namespaces) {
    throw fixSpec(
      'NamespacesOff',
      `source.namespace is "${namespace}", but Vault "${vault.name}" is set up without namespaces; ` +
        'set namespaces: true for it if it is Vault Enterprise or OpenBao (community Vault ignores namespaces and would answer from the root)',
    );
  }
  const { chooseKeys, template } = compileTransforms(transforms);
  return {
    key: syncKeyOf(sync),
    sync,
    spec: sync.spec,
    vault: vault.name,
    namespace,
    selection: selectionOf(source),
    filter: compileFilters(filters),
    selectsMetadata: source.selector ? compileMetadataSelector(source.selector) : null,
    chooseKeys,
    destinations: dest.map((destination, index) => resolveDestination(destination, { index, template })),
    owner: ownerOf({ installation: context.installation, namespace: sync.namespace, name: sync.name }),
    ref: refOf(sync),
  };
}

function selectionOf(source: Spec['source']): Selection {
  const selection = parseSelection(source);
  const pattern = selection.selectors.find(({ kind }) => kind !== 'literal');
  if (source.merge && pattern) {
    throw fixSpec(
      'MergeOfPattern',
      'source.merge makes one copy of secrets that are written out one by one: replace the glob or pattern in ' +
        'source.paths by the paths that are meant',
    );
  }
  return selection;
}

function resolveDestination(
  destination: Destination,
  { index, template }: { index: number; template: ((keys: JsonObject) => string) | null },
): ResolvedDestination {
  const store = storeOf(destination);
  const { name: nameTemplate, granularity = 'secret', naming = 'Readable', ...fields } = destination[store] ?? {};
  const name = compileName(nameTemplate, { granularity });
  const perKey = granularity === 'key';
  return {
    destination,
    store,
    index,
    name,
    texts: compileDestination(destination),
    perKey,
    naming,
    shape: template ?? compileShape(fields),
    late: perKey || name.needsRead,
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
