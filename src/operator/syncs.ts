import { isDeepStrictEqual } from 'node:util';
import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import { SyncError } from '../errors.ts';
import { createSelectorIndex, type SelectorIndex } from '../paths/selector-index.ts';
import type { InterestEntry } from '../state/contract.ts';
import type { KnownVault } from '../sync/ports.ts';
import { type ResolvedSync, resolveSync } from '../sync/resolve.ts';

/** A sync as it stands now: looked up, or the reason why it cannot be. */
export interface CurrentSync {
  readonly sync: VaultSecretSync;
  readonly resolved: ResolvedSync | null;
  readonly error: SyncError | null;
}

/** Every sync there is, and which of them select a given secret. */
export class Syncs {
  readonly #context: { readonly vaults: readonly KnownVault[]; readonly installation: string };
  readonly #byKey = new Map<string, CurrentSync>();
  /** Keys of syncs. */
  #index: SelectorIndex<string> | null = null;

  constructor(context: { readonly vaults: readonly KnownVault[]; readonly installation: string }) {
    this.#context = context;
  }

  set(sync: VaultSecretSync): CurrentSync {
    const key = syncKeyOf(sync);
    const before = this.#byKey.get(key);
    // Most changes are of the status, which nothing here follows from.
    const isSame = before?.sync.deleting === sync.deleting && isDeepStrictEqual(before.sync.spec, sync.spec);
    const current = isSame ? withObject(before, sync) : this.#resolve(sync);
    this.#byKey.set(key, current);
    if (!isSame) this.#index = null;
    return current;
  }

  delete(key: string): void {
    this.#byKey.delete(key);
    this.#index = null;
  }

  get(key: string): CurrentSync | null {
    return this.#byKey.get(key) ?? null;
  }

  all(): IterableIterator<CurrentSync> {
    return this.#byKey.values();
  }

  /** `metadata.generation` of a sync; null when there is none, or it is going away. */
  generationOf(key: string): number | null {
    const sync = this.#byKey.get(key)?.sync;
    return sync && !sync.deleting ? sync.generation : null;
  }

  /** Syncs that may select the secret by its path, and may act on it now. */
  selecting(place: { vault: string; namespace: string; mount: string; name: string }): ResolvedSync[] {
    this.#index ??= this.#buildIndex();
    // Several paths of one sync may take the same secret.
    const keys = new Set(this.#index.find(place, place.name));
    return [...keys].flatMap((key) => this.#byKey.get(key)?.resolved ?? []);
  }

  /** Syncs that read from a mount; `mount: ''` = from a namespace (or, with `namespace: ''`, the whole Vault). */
  readingFrom(place: { vault: string; namespace: string; mount: string }): ResolvedSync[] {
    const { vault, namespace, mount } = place;
    return this.#active().filter((resolved) => {
      if (resolved.vault !== vault) return false;
      if (mount !== '') return resolved.namespace === namespace && mountsOf(resolved).has(mount);
      return namespace === '' || resolved.namespace === namespace || resolved.namespace.startsWith(`${namespace}/`);
    });
  }

  /** What the webhook must hear about. */
  interest(): InterestEntry[] {
    return this.#active().flatMap(({ vault, namespace, selection }) =>
      selection.selectors.map((selector) => ({
        vault,
        namespace,
        mount: selector.mount,
        literal: selector.kind === 'literal' ? selector.name : null,
        prefix: selector.kind === 'pattern' ? selector.prefix : '',
        pattern: selector.kind === 'pattern' ? selector.text : null,
      })),
    );
  }

  #active(): ResolvedSync[] {
    return [...this.#byKey.values()].flatMap(({ sync, resolved }) =>
      resolved && !sync.spec.suspend && !sync.deleting ? [resolved] : [],
    );
  }

  #buildIndex(): SelectorIndex<string> {
    const index = createSelectorIndex<string>();
    for (const resolved of this.#active()) index.addSelection(resolved, resolved.selection, resolved.key);
    return index;
  }

  #resolve(sync: VaultSecretSync): CurrentSync {
    try {
      return { sync, resolved: resolveSync(sync, this.#context), error: null };
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      return { sync, resolved: null, error };
    }
  }
}

/** The same words, looked up already, of an object that says something else besides. */
function withObject({ resolved, error }: CurrentSync, sync: VaultSecretSync): CurrentSync {
  return { sync, resolved: resolved && { ...resolved, sync, spec: sync.spec }, error };
}

function mountsOf({ selection }: ResolvedSync): Set<string> {
  return new Set(selection.selectors.map(({ mount }) => mount));
}
