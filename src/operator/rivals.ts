import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';

interface Wish {
  readonly sync: string;
  /** Unix time in milliseconds. */
  readonly createdAt: number;
}

/** Which syncs want a copy, as far as their manifests alone tell: of those that want the same one, the earliest gets it. */
export class Rivals {
  readonly #wishes = new Map<string, Wish[]>();
  readonly #copiesOf = new Map<string, readonly string[]>();

  /** Replaces what a sync wants. A sync that writes nothing now (suspended, a dry run, going away) wants nothing. */
  set(sync: VaultSecretSync, copies: readonly string[]): void {
    const key = syncKeyOf(sync);
    this.delete(key);
    if (sync.deleting || sync.spec.suspend || sync.spec.dryRun || copies.length === 0) return;
    this.#copiesOf.set(key, copies);
    const wish = { sync: key, createdAt: sync.createdAt };
    for (const copy of copies) this.#wishes.set(copy, [...(this.#wishes.get(copy) ?? []), wish]);
  }

  delete(key: string): void {
    for (const copy of this.#copiesOf.get(key) ?? []) {
      const others = (this.#wishes.get(copy) ?? []).filter(({ sync }) => sync !== key);
      if (others.length === 0) this.#wishes.delete(copy);
      else this.#wishes.set(copy, others);
    }
    this.#copiesOf.delete(key);
  }

  /** The earliest of those that want a copy and were created before this sync; null = it is the earliest. */
  earlier(copy: string, sync: VaultSecretSync): string | null {
    const mine = { sync: syncKeyOf(sync), createdAt: sync.createdAt };
    const [first = mine] = [...(this.#wishes.get(copy) ?? [])].sort(byAge);
    return byAge(first, mine) < 0 ? first.sync : null;
  }
}

/** Creation time, then namespace and name. */
function byAge(one: Wish, other: Wish): number {
  if (one.createdAt !== other.createdAt) return one.createdAt - other.createdAt;
  if (one.sync === other.sync) return 0;
  return one.sync < other.sync ? -1 : 1;
}
