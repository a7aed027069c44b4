import type { CopyCounts, Ledger, LedgerEntry } from '../contract.ts';

interface SyncRecord {
  readonly copies: Set<string>;
  readonly facts: Map<string, string>;
}

/** What was done, as long as the process lives. */
export class MemoryLedger<Entry extends LedgerEntry> implements Ledger<Entry> {
  readonly #entries = new Map<string, Entry>();
  readonly #syncs = new Map<string, SyncRecord>();

  async get(copies: readonly string[]): Promise<(Entry | null)[]> {
    return copies.map((copy) => this.#entries.get(copy) ?? null);
  }

  async record(copy: string, entry: Entry): Promise<void> {
    this.#drop(copy);
    this.#entries.set(copy, entry);
    this.#sync(entry.sync).copies.add(copy);
  }

  async forget(copy: string): Promise<void> {
    this.#drop(copy);
  }

  async *ofSync(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    for (const copy of [...(this.#syncs.get(sync)?.copies ?? [])].sort()) {
      const entry = this.#entries.get(copy);
      if (entry?.sync === sync) yield { copy, entry };
    }
  }

  async *unwellOf(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    for await (const known of this.ofSync(sync)) if (known.entry.unwell) yield known;
  }

  async counts(sync: string): Promise<CopyCounts> {
    const counts = new Map<string, Map<string, number>>();
    for (const copy of this.#syncs.get(sync)?.copies ?? []) {
      const entry = this.#entries.get(copy);
      if (entry === undefined) continue;
      const states = counts.get(entry.destination) ?? new Map<string, number>();
      counts.set(entry.destination, states.set(entry.state, (states.get(entry.state) ?? 0) + 1));
    }
    return Object.fromEntries([...counts].map(([destination, states]) => [destination, Object.fromEntries(states)]));
  }

  async recall(sync: string, fact: string): Promise<string | null> {
    return this.#syncs.get(sync)?.facts.get(fact) ?? null;
  }

  async remember(sync: string, fact: string, value: string): Promise<void> {
    this.#sync(sync).facts.set(fact, value);
  }

  async forgetSync(sync: string): Promise<void> {
    for (const copy of this.#syncs.get(sync)?.copies ?? []) this.#entries.delete(copy);
    this.#syncs.delete(sync);
  }

  #drop(copy: string): void {
    const entry = this.#entries.get(copy);
    if (entry === undefined) return;
    this.#entries.delete(copy);
    const record = this.#syncs.get(entry.sync);
    record?.copies.delete(copy);
    if (record?.copies.size === 0 && record.facts.size === 0) this.#syncs.delete(entry.sync);
  }

  #sync(sync: string): SyncRecord {
    const known = this.#syncs.get(sync);
    if (known !== undefined) return known;
    const fresh = { copies: new Set<string>(), facts: new Map<string, string>() };
    this.#syncs.set(sync, fresh);
    return fresh;
  }
}
