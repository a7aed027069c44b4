import { ownerOf } from '../../src/sync/marks.ts';
import type { FakeStore, StoredCopy } from './fake-store.ts';
import type { FakeWorld } from './fake-world.ts';
import { contentOf, type VaultHistory } from './model-history.ts';
import { allKeys, copyAt, type Manifest, manifests } from './model-manifests.ts';

/** What the watch is told of the installation. */
export interface Watched {
  readonly world: FakeWorld;
  readonly history: VaultHistory;
  readonly secrets: readonly string[];
  /** Secrets of which a run has crashed and was not taken up again: what it did is not known to anybody. */
  readonly crashed: ReadonlySet<string>;
  /** Secrets of which a run has ever crashed, and that have had more than one life: of what was done in the one nobody knew when the next began. */
  isForgotten(secret: string): boolean;
  /** The manifest of a sync now, and the one before; none when it is gone. */
  manifestsOf(name: string): readonly Manifest[];
  /** When something was heard of a secret last. */
  heardAt(secret: string): number;
  /** Deletions are being released. */
  isReleasing(): boolean;
}

const guardWindowMs = 10 * 60_000;

/** Sees every write and every deletion, and notes what must never happen. */
export class Watch {
  readonly violations: string[] = [];
  readonly #of: Watched;
  /** What was deleted last in a place. */
  readonly #ended = new Map<string, { content: number; at: number }>();
  readonly #deletions: { sync: string; id: string; at: number }[] = [];
  readonly #names: ReadonlyMap<string, string>;

  constructor(of: Watched) {
    this.#of = of;
    this.#names = new Map(
      Object.keys(manifests).map((name) => [ownerOf({ installation: 'test', namespace: 'team-a', name }), name]),
    );
    for (const store of of.world.stores) this.#watch(store);
  }

  #watch(store: FakeStore): void {
    const write = store.write.bind(store);
    const remove = store.remove.bind(store);
    store.write = async (desired, premise, signal) => {
      const before = store.copies.get(desired.name);
      const id = `${store.scope}/${desired.name}`;
      const entry = this.#of.world.ledger.entries.get(id);
      const known = entry?.sync === `team-a/${this.#names.get(desired.marks.owner)}` ? entry : null;
      try {
        return await write(desired, premise, signal);
      } finally {
        // It may have happened although it failed.
        const after = store.copies.get(desired.name);
        if (after && after !== before) this.#judgeWrite({ id, store, name: desired.name, before, after, known, entry });
      }
    };
    store.remove = async (observed, signal) => {
      const before = store.copies.get(observed.name);
      await remove(observed, signal);
      if (before) this.#judgeDeletion(store, observed.name, before);
    };
  }

  #judgeWrite(written: {
    id: string;
    store: FakeStore;
    name: string;
    before: StoredCopy | undefined;
    after: StoredCopy;
    known: { readonly version: number | null; readonly state: string } | null;
    entry: { readonly sync: string; readonly state: string; readonly fingerprint: string | null } | undefined;
  }): void {
    const { id, store, name, before, after, known, entry } = written;
    const { history, crashed, secrets } = this.#of;
    const secret = copyAt(storeName(store), name, secrets)?.secret ?? '';
    const content = contentOf(after.value);
    const isForgotten = known?.version == null || this.#of.isForgotten(secret);
    if (before && !this.#names.has(before.owner ?? '')) this.#note(`${id} was another's, and was written`);
    if (before && before.owner !== after.owner && entry && this.#holds(entry, before, { store, name })) {
      this.#note(`${id} was taken from ${before.ref}, which has it`);
    }
    if (before?.owner === after.owner && !isForgotten && content < contentOf(before?.value ?? '')) {
      this.#note(`${after.value} was written over ${before?.value} in ${id}`);
    }
    if (before?.owner === after.owner && !isForgotten && !crashed.has(secret) && ageOf(after) < ageOf(before)) {
      this.#note(
        `${id} was written by an older manifest (${after.tags['age']}) over a newer one (${before.tags['age']})`,
      );
    }
    const ended = before ? undefined : this.#ended.get(id);
    const isBack = ended && !isForgotten && known?.state === 'deleted' && content <= ended.content;
    const isUndelete = this.#of.heardAt(secret) > (ended?.at ?? 0) && history.mayBeUndeleted(secret, content);
    if (isBack && !crashed.has(secret) && !isUndelete && !history.saysAgain(secret, { content, since: ended.at })) {
      this.#note(`${id} was brought back as ${after.value} after its deletion`);
    }
  }

  #judgeDeletion(store: FakeStore, name: string, before: StoredCopy): void {
    const { world, history, secrets } = this.#of;
    const id = `${store.scope}/${name}`;
    const sync = this.#names.get(before.owner ?? '');
    const content = contentOf(before.value);
    this.#ended.set(id, { content, at: world.clock.now });
    if (sync === undefined) {
      this.#note(`${id} was another's, and was deleted`);
      return;
    }
    const copy = copyAt(storeName(store), name, secrets);
    // Where nothing is known of a copy but its mark, nobody knows either whether Vault's answer is older than it.
    const entry = world.ledger.entries.get(id);
    const secret = copy?.secret ?? '';
    const isKnown = entry?.sync === `team-a/${sync}` && entry.version !== null && !this.#of.isForgotten(secret);
    const proof = { key: copy?.key ?? null, content };
    if (isKnown && this.#isAskedFor(sync, { store, name }) && !history.provesGone(secret, proof)) {
      this.#note(`${id} was deleted without proof`);
    }
    if (this.#of.isReleasing() || this.#of.manifestsOf(sync).length === 0) return;
    this.#deletions.push({ sync, id, at: world.clock.now });
    const recent = this.#deletions.filter((one) => one.sync === sync && one.at > world.clock.now - guardWindowMs);
    const limit = manifests[sync]?.wordings[0]?.spec.maxDeletions;
    const count = new Set(recent.map((one) => one.id)).size;
    if (typeof limit === 'number' && count > limit)
      this.#note(`${count} copies of ${sync} were deleted in ten minutes`);
  }

  /** Whether a record says that the sync whose mark a copy bears has it, and wants it to this day. */
  #holds(
    entry: { readonly sync: string; readonly state: string; readonly fingerprint: string | null },
    before: StoredCopy,
    place: { store: FakeStore; name: string },
  ): boolean {
    const holder = this.#names.get(before.owner ?? '') ?? '';
    const isRecorded = entry.sync === `team-a/${holder}` && entry.state === 'synced' && entry.fingerprint !== null;
    return isRecorded && this.#isAskedFor(holder, place);
  }

  /** Whether a sync asks for a copy, by its manifest now and by the one before, which a replica may still have. */
  #isAskedFor(sync: string, { store, name }: { store: FakeStore; name: string }): boolean {
    const { secrets } = this.#of;
    const now = this.#of.manifestsOf(sync);
    const asks = ({ wording }: Manifest) =>
      secrets.some((secret) =>
        wording.copies(secret, allKeys).some((copy) => copy.store === storeName(store) && copy.name === name),
      );
    return now.length > 0 && now.every(asks);
  }

  #note(violation: string): void {
    this.violations.push(violation);
  }
}

function storeName({ scope }: FakeStore): string {
  return scope.slice(0, scope.indexOf(':'));
}

/** How new the manifest is that a copy was written by. */
function ageOf({ tags }: StoredCopy): number {
  const [createdAt = 0, generation = 0] = (tags['age'] ?? '').split('.').map(Number);
  return createdAt * 1_000 + generation;
}
