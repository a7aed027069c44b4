import type { VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import type { CopyResult } from '../../src/sync/ports.ts';
import { renderValue } from '../../src/sync/render.ts';
import type { SecretRead } from '../../src/vault/contract.ts';
import { answerLost, type FakeStore, type StoredCopy } from './fake-store.ts';
import { FakeWorld } from './fake-world.ts';

/** How far a standby may be behind, in milliseconds: less than the minute after which Vault is believed. */
const longestLagMs = 30_000;

/** One path that waits, with the highest version heard, as the shared state keeps it. */
interface Waiting {
  version: number | null;
  versionAt: number;
}

/** A small installation with a queue, in which everything can happen at any time. */
export class Installation {
  readonly world = new FakeWorld();
  readonly #sync: VaultSecretSync;
  readonly #waiting = new Map<string, Waiting>();
  readonly #crashed = new Set<string>();
  /** Secrets that have had more than one life. */
  readonly #reborn = new Set<string>();
  readonly #parked: CopyResult[] = [];
  /** What Vault said of a secret, and since when. */
  readonly #history = new Map<string, { since: number; answer: SecretRead }[]>();
  /** Copies that others put there, which nobody of ours may touch. */
  readonly #foreign = new Map<string, StoredCopy>();
  /** Grows with every put, so that of two contents the greater is newer. */
  #content = 0;
  #ledgerWasLost = false;
  /** What must never happen, and did. */
  readonly violations: string[] = [];

  constructor(sync: VaultSecretSync) {
    this.#sync = sync;
    for (const store of this.stores) this.#watch(store);
  }

  get stores(): FakeStore[] {
    return [this.world.aws, this.world.azure];
  }

  put(name: string): void {
    this.#change(name, () => this.world.vault.put(name, { content: ++this.#content }));
  }

  delete(name: string): void {
    this.#change(name, () => this.world.vault.delete(name));
  }

  undelete(name: string): void {
    this.#change(name, () => this.world.vault.undelete(name));
  }

  deleteMetadata(name: string): void {
    this.#reborn.add(name);
    this.#change(name, () => this.world.vault.deleteMetadata(name));
  }

  /** The event of a path is lost; a full reconcile may find out. */
  loseEvent(name: string): void {
    // What a crashed process had taken is not lost: another replica takes it up.
    if (!this.#crashed.has(name)) this.#waiting.delete(name);
  }

  /** An event comes once more, or late. */
  repeatEvent(name: string): void {
    this.#hear(name, null);
  }

  loseLedger(): void {
    this.world.ledger.entries.clear();
    this.#ledgerWasLost = true;
  }

  takeOver(name: string, store: FakeStore, owner: string | null): void {
    if (this.#foreign.has(keyOf(store, name))) return;
    store.place(name, { owner, versionId: `foreign-${++this.#content}` });
    this.#foreign.set(keyOf(store, name), store.copies.get(name)!);
  }

  removeByHand(name: string, store: FakeStore): void {
    if (this.#foreign.delete(keyOf(store, name)) || store.copies.has(name)) store.copies.delete(name);
  }

  /** Runs the job of a path, with a standby that is `lagMs` behind, or with a crash before anything is recorded. */
  async run(name: string, { lagMs = 0, crashes = false }: { lagMs?: number; crashes?: boolean }): Promise<void> {
    const job = this.#waiting.get(name);
    if (!job) return;
    const { world } = this;
    this.#waiting.delete(name);
    world.vault.lagging = lagMs === 0 ? null : this.#answerAt(name, world.clock.now - Math.min(lagMs, longestLagMs));
    if (crashes) world.ledger.failing = new Error('crashed');
    try {
      const { outcome, results } = await world.follow(name, this.#sync, { heard: job });
      this.#park(results);
      world.clock.now += 1_000;
      if (outcome !== 'done') await this.#runAgain(name, job);
      this.#crashed.delete(name);
    } catch {
      this.#crashed.add(name);
      this.#keep(name, job);
    } finally {
      world.vault.lagging = null;
      world.ledger.failing = null;
    }
  }

  async runParked(): Promise<void> {
    const parked = this.#parked.shift();
    if (!parked) return;
    const name = JSON.parse(parked.source)[3] as string;
    const { results } = await this.world.follow(name, this.#sync, { only: parked.copy, verify: true });
    this.#park(results);
  }

  async reconcile(): Promise<void> {
    const { results, later } = await this.world.reconcile(this.#sync);
    this.#park(results);
    for (const { place } of later) this.#hear(place.name, null);
  }

  /** All is well again; what is left to do is done. */
  async settle(): Promise<void> {
    const { world } = this;
    for (const store of this.stores) {
      store.failing.clear();
      store.losesNextAnswer = false;
    }
    for (let round = 0; round < 2; round++) {
      world.clock.now += 61_000;
      await world.reconcile(this.#sync);
    }
    for (const name of this.#crashed) await this.run(name, {});
  }

  /** In what the copies differ from what Vault says, and what of others' was touched. */
  differences(names: readonly string[]): string[] {
    return this.stores.flatMap((store) => names.flatMap((name) => this.#differenceOf(store, name)));
  }

  #differenceOf(store: FakeStore, name: string): string[] {
    const key = keyOf(store, name);
    const copy = store.copies.get(name);
    const foreign = this.#foreign.get(key);
    if (foreign) return copy === foreign ? [] : [`${key} was not ours, and was touched`];
    const answer = this.world.vault.answer(name);
    const wanted = answer.found ? renderValue(answer.data) : undefined;
    // Nobody can know what a copy was made from when the ledger is lost and its secret has left no trace in Vault.
    const isOrphan = this.#ledgerWasLost && !answer.found && answer.because === 'notFound';
    return copy?.value === wanted || isOrphan ? [] : [`${key} is ${copy?.value}, Vault says ${wanted}`];
  }

  #change(name: string, change: () => void): void {
    this.world.clock.now += 1;
    change();
    const answer = this.world.vault.answer(name);
    this.#history.set(name, [...(this.#history.get(name) ?? []), { since: this.world.clock.now, answer }]);
    this.#hear(name, answer.found ? answer.version : null);
  }

  #hear(name: string, version: number | null): void {
    this.#keep(name, { version, versionAt: this.world.clock.now });
  }

  #keep(name: string, heard: Waiting): void {
    const before = this.#waiting.get(name);
    const raises = (heard.version ?? 0) > (before?.version ?? 0);
    this.#waiting.set(name, before && !raises ? before : { ...heard });
  }

  #park(results: readonly CopyResult[]): void {
    this.#parked.push(...results.filter(({ retry }) => retry !== null));
  }

  /** What was put back is run again by and by, and the standby catches up. */
  async #runAgain(name: string, job: Waiting): Promise<void> {
    this.world.vault.lagging = null;
    const { outcome, results } = await this.world.follow(name, this.#sync, { heard: job });
    this.#park(results);
    if (outcome !== 'done') this.#keep(name, job);
  }

  #answerAt(name: string, at: number): SecretRead {
    const said = this.#history.get(name)?.findLast(({ since }) => since <= at);
    if (said) return said.answer;
    return {
      found: false,
      because: 'notFound',
      version: null,
      createdTime: null,
      mountUuid: this.world.vault.mountUuid,
    };
  }

  /**
   * Sees every write: an older content must not follow a newer one while the ledger remembers. What a crashed process
   * wrote of a secret's new life is not known to anybody: the highest version heard is of the life before.
   */
  #watch(store: FakeStore): void {
    const write = store.write.bind(store);
    store.write = async (desired, premise, signal) => {
      const before = store.copies.get(desired.name);
      const isKnown = this.world.ledger.entries.get(keyOf(store, desired.name))?.version != null;
      const remembers = isKnown && !(this.#crashed.has(desired.name) && this.#reborn.has(desired.name));
      const ours = before?.owner === desired.marks.owner;
      const written = await write(desired, premise, signal).catch((error: unknown) => {
        // It may have happened all the same.
        if (store.copies.get(desired.name) === before) throw error;
        return error;
      });
      if (ours && remembers && contentOf(desired.value) < contentOf(before.value)) {
        this.violations.push(`${desired.value} was written over ${before.value}`);
      }
      if (before && !ours) this.violations.push(`${keyOf(store, desired.name)} was another's, and was written`);
      if (written instanceof Error) throw written;
      return written as Awaited<ReturnType<FakeStore['write']>>;
    };
  }
}

/** Makes a store fail in one of the ways it can. */
export function fail(store: FakeStore, how: 'describe' | 'write' | 'remove' | 'list' | 'answer' | 'not'): void {
  store.failing.clear();
  store.losesNextAnswer = how === 'answer';
  if (how !== 'answer' && how !== 'not') store.failing.set(how, answerLost());
}

function keyOf(store: FakeStore, name: string): string {
  return `${store.scope}/${name}`;
}

function contentOf(value: string): number {
  return (JSON.parse(value) as { content: number }).content;
}
