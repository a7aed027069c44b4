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
  #index: SelectorIndex<ResolvedSync> | null = null;

  constructor(context: { readonly vaults: readonly KnownVault[]; readonly installation: string }) {
    this.#context = context;
  }

  set(sync: VaultSecretSync): CurrentSync {
    const current = this.#resolve(sync);
    this.#byKey.set(syncKeyOf(sync), current);
    this.#index = null;
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

  /** Syncs that select the secret and may act on it now. */
  selecting(place: { vault: string; namespace: string; mount: string; name: string }): ResolvedSync[] {
    this.#index ??= this.#buildIndex();
    return this.#index.find(place, place.name);
  }

  /** Syncs that read from a mount; `mount: ''` = from a namespace (or, with `namespace: ''`, the whole Vault). */
  readingFrom(place: { vault: string; namespace: string; mount: string }): ResolvedSync[] {
    const { vault, namespace, mount } = place;
    return this.#active().filter((resolved) => {
      if (resolved.vault !== vault) return false;
      if (mount !== '') return resolved.namespace === namespace && resolved.selector.mount === mount;
      return namespace === '' || resolved.namespace === namespace || resolved.namespace.startsWith(`${namespace}/`);
    });
  }

  /** What the webhook must hear about. */
  interest(): InterestEntry[] {
    return this.#active().map(({ vault, namespace, selector }) => ({
      vault,
      namespace,
      mount: selector.mount,
      literal: selector.kind === 'literal' ? selector.name : null,
      prefix: selector.kind === 'pattern' ? selector.prefix : '',
      pattern: selector.kind === 'pattern' ? selector.text : null,
    }));
  }

  #active(): ResolvedSync[] {
    return [...this.#byKey.values()].flatMap(({ sync, resolved }) =>
      resolved && !sync.spec.suspend && !sync.deleting ? [resolved] : [],
    );
  }

  #buildIndex(): SelectorIndex<ResolvedSync> {
    const index = createSelectorIndex<ResolvedSync>();
    for (const resolved of this.#active()) index.add(resolved, resolved.selector, resolved);
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
