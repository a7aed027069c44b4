import type { Destination, VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { compilePolicies } from '../../src/sync/policies.ts';
import type {
  Budgets,
  CopyRecord,
  CopyResult,
  DeletionLog,
  KnownVault,
  Leases,
  Ledger,
  WaitingCopy,
  World,
  WrittenPlace,
} from '../../src/sync/ports.ts';
import { type ResolvedSync, resolveSync } from '../../src/sync/resolve.ts';
import { reconcileSecret, type SecretOutcome, type SecretWork } from '../../src/sync/secret.ts';
import { reconcileSync, type SyncOutcome } from '../../src/sync/sync.ts';
import { FakeStore } from './fake-store.ts';
import { FakeVault } from './fake-vault.ts';

export const mainVault: KnownVault = {
  name: 'main',
  address: 'https://vault.example.com:8200',
  aliases: ['https://vault.old.example.com'],
  namespaces: true,
};

/** Everything that syncing meets, in memory. `aws`, `azure` and `gcp` are the stores that the destinations lead to. */
export class FakeWorld implements World {
  readonly installation = 'test';
  readonly fingerprintKey = Buffer.from('0123456789abcdef');
  readonly clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  readonly vault = new FakeVault(() => this.clock.now);
  readonly aws = new FakeStore('aws:eu-west-1:');
  readonly azure = new FakeStore('azure:team-a');
  readonly gcp = new FakeStore('gcp:team-a');
  readonly ledger = new FakeLedger();
  readonly leases = new FakeLeases();
  readonly deletions = new FakeDeletionLog();
  readonly budgets = new FakeBudgets();
  readonly generations = new Map<string, number>();
  readonly gone = new Set<string>();
  readonly woken: WaitingCopy[] = [];
  readonly vaults = [mainVault];
  readonly results: CopyResult[] = [];
  /** Places in the order in which they were recorded, with the writes each store had seen by then. */
  readonly places: string[] = [];
  storeTimeLimitMs?: number = 50;
  defaultAdoptionPolicy: World['defaultAdoptionPolicy'] = 'Never';
  paused = false;
  allows: World['allows'] = compilePolicies([
    { namespaces: ['**'], vaults: ['**'], paths: ['**'], destinations: ['**'], roles: ['**'] },
  ]);

  get stores(): FakeStore[] {
    return [this.aws, this.azure, this.gcp];
  }

  writes(): 'enabled' | 'paused' {
    return this.paused ? 'paused' : 'enabled';
  }

  reader(): FakeVault {
    return this.vault;
  }

  async target(destination: Destination, _namespace?: string): Promise<FakeStore> {
    const [store] = this.stores.filter(({ scope }) => scope.startsWith(Object.keys(destination)[0] ?? '?'));
    if (!store) throw new Error('no such store');
    return store;
  }

  async targetAt({ destination }: WrittenPlace, _namespace?: string): Promise<FakeStore | null> {
    return this.stores.find((store) => store.scope === destination) ?? null;
  }

  async recordPlaces(_sync: VaultSecretSync, places: readonly WrittenPlace[]): Promise<void> {
    for (const { destination } of places) {
      const store = this.stores.find(({ scope }) => scope === destination);
      this.places.push(`${destination} ${store?.writes}`);
    }
  }

  /** Every sync that was resolved is known, until it is told to be gone. */
  generationOf(key: string): number | null {
    return this.gone.has(key) ? null : (this.generations.get(key) ?? null);
  }

  /** By copy: what the manifests of other syncs are known to want. */
  readonly rivals = new Map<string, string>();

  earlierRival(copy: string): string | null {
    return this.rivals.get(copy) ?? null;
  }

  async wake(copies: readonly WaitingCopy[]): Promise<void> {
    this.woken.push(...copies);
  }

  onCopy(result: CopyResult): void {
    this.results.push(result);
  }

  now(): number {
    return this.clock.now;
  }

  resolve(sync: VaultSecretSync): ResolvedSync {
    const resolved = resolveSync(sync, this);
    this.generations.set(resolved.key, Math.max(sync.generation, this.generations.get(resolved.key) ?? 0));
    return resolved;
  }

  /** Reconciles one secret as an event for it would. */
  follow(
    name: string,
    syncs: VaultSecretSync | readonly VaultSecretSync[],
    more: Partial<SecretWork> = {},
  ): Promise<SecretOutcome> {
    const resolved = [syncs].flat().map((sync) => this.resolve(sync));
    const place = { namespace: '', mount: 'secret', name };
    const signal = new AbortController().signal;
    return reconcileSecret({ world: this, syncs: resolved, place, heard: null, signal, verify: false, ...more });
  }

  /** A full reconcile. */
  reconcile(sync: VaultSecretSync, signal = new AbortController().signal): Promise<SyncOutcome> {
    return reconcileSync({ world: this, resolved: this.resolve(sync), signal });
  }

  /** Forgets what was called so far. */
  quiet(): void {
    for (const store of this.stores) store.quiet();
    this.results.length = 0;
    this.places.length = 0;
    this.vault.reads = 0;
    this.vault.listings = 0;
  }

  /** Every call to every store, e.g. `aws:eu-west-1: write app/db`. */
  calls(): string[] {
    return this.stores.flatMap(({ scope, calls }) => calls.map((call) => `${scope} ${call}`));
  }
}

/** A world in which the copies of the secret `app/db` have just been made, by a full reconcile. */
export async function worldInSync(sync: VaultSecretSync): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.vault.put('app/db', { user: 'ada' });
  await world.reconcile(sync);
  // A secret that is older than a minute, and so is surely known to every standby.
  world.clock.now += 61_000;
  world.quiet();
  return world;
}

/** The same, and Vault has a new version since. */
export async function worldWithChange(sync: VaultSecretSync): Promise<FakeWorld> {
  const world = await worldInSync(sync);
  world.vault.put('app/db', { user: 'eve' });
  return world;
}

export class FakeLedger implements Ledger {
  readonly entries = new Map<string, CopyRecord>();
  readonly facts = new Map<string, string>();
  failing: Error | null = null;

  async get(copies: readonly string[]): Promise<(CopyRecord | null)[]> {
    return copies.map((copy) => this.entries.get(copy) ?? null);
  }

  async record(copy: string, record: CopyRecord): Promise<void> {
    if (this.failing) throw this.failing;
    this.entries.set(copy, record);
  }

  async forget(copy: string): Promise<void> {
    this.entries.delete(copy);
  }

  async counts(sync: string): Promise<Record<string, Record<string, number>>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const entry of this.entries.values()) {
      if (entry.sync !== sync) continue;
      const states = counts[entry.destination] ?? {};
      counts[entry.destination] = states;
      states[entry.state] = (states[entry.state] ?? 0) + 1;
    }
    return counts;
  }

  async *ofSync(sync: string): AsyncGenerator<{ copy: string; entry: CopyRecord }> {
    for (const [copy, entry] of [...this.entries]) if (entry.sync === sync) yield { copy, entry };
  }

  async *unwellOf(sync: string): AsyncGenerator<{ copy: string; entry: CopyRecord }> {
    for await (const known of this.ofSync(sync)) if (known.entry.unwell) yield known;
  }

  async recall(sync: string, fact: string): Promise<string | null> {
    return this.facts.get(`${sync} ${fact}`) ?? null;
  }

  async remember(sync: string, fact: string, value: string): Promise<void> {
    this.facts.set(`${sync} ${fact}`, value);
  }

  async forgetSync(sync: string): Promise<void> {
    for (const [copy, entry] of this.entries) if (entry.sync === sync) this.entries.delete(copy);
  }

  lose(): void {
    this.entries.clear();
    this.facts.clear();
  }
}

/** Remembers deletions as the shared state does. */
export class FakeDeletionLog implements DeletionLog {
  readonly #noted = new Map<string, Map<string, number>>();

  async admit(sync: string, options: Parameters<DeletionLog['admit']>[1]): Promise<boolean> {
    const { copies, limit, windowMs, now } = options;
    const recent = this.#recent(sync, now - windowMs);
    const added = new Set(copies.filter((copy) => !recent.has(copy))).size;
    if (added > 0 && recent.size + added > limit) return false;
    for (const copy of copies) recent.set(copy, now);
    return true;
  }

  async count(sync: string, { windowMs, now }: { windowMs: number; now: number }): Promise<number> {
    return this.#recent(sync, now - windowMs).size;
  }

  async noted(sync: string, { windowMs, now }: { windowMs: number; now: number }): Promise<string[]> {
    return [...this.#recent(sync, now - windowMs).keys()];
  }

  #recent(sync: string, since: number): Map<string, number> {
    const recent = new Map([...(this.#noted.get(sync) ?? [])].filter(([, at]) => at > since));
    this.#noted.set(sync, recent);
    return recent;
  }
}

/** Gives whatever is asked for, unless it is told to give nothing. */
export class FakeBudgets implements Budgets {
  readonly taken: string[] = [];
  readonly slowed: { bucket: string; retryAfterMs: number | null }[] = [];
  spent = false;

  async take(bucket: string, { backfill, signal }: Parameters<Budgets['take']>[1]): Promise<void> {
    if (this.spent) {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    }
    this.taken.push(backfill ? `${bucket} (backfill)` : bucket);
  }

  async slowDown(bucket: string, { retryAfterMs }: Parameters<Budgets['slowDown']>[1]): Promise<void> {
    this.slowed.push({ bucket, retryAfterMs });
  }
}

export class FakeLeases implements Leases {
  readonly held = new Map<string, AbortController>();
  /** Nobody waits: what is held is refused at once. */
  impatient = false;
  /** Called before a lease is given: what happened while it was waited for. */
  beforeGiven: ((keys: readonly string[]) => void) | null = null;
  #released = Promise.withResolvers<void>();

  async acquire(keys: readonly string[], _options: { waitMs: number; signal?: AbortSignal }) {
    while (keys.some((key) => this.held.has(key))) {
      if (this.impatient) return null;
      await this.#released.promise;
    }
    this.beforeGiven?.(keys);
    const controller = new AbortController();
    for (const key of keys) this.held.set(key, controller);
    return {
      signal: controller.signal,
      release: async () => {
        for (const key of keys) this.held.delete(key);
        this.#released.resolve();
        this.#released = Promise.withResolvers();
      },
    };
  }

  /** Every lease held now is lost. */
  loseAll(): void {
    for (const controller of this.held.values()) controller.abort(new Error('the lease was lost'));
  }
}
