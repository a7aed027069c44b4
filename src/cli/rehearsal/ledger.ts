import type { CopyCounts, Ledger, LedgerEntry } from '../../state/contract.ts';

interface Changed<Entry> {
  /** What the ledger below holds. */
  readonly before: Entry | null;
  /** Null = forgotten. */
  readonly now: Entry | null;
}

/** A ledger that reads through to another one and keeps every change to itself: the one below is never written. */
export class RehearsedLedger<Entry extends LedgerEntry> implements Ledger<Entry> {
  readonly #below: Ledger<Entry>;
  readonly #changed = new Map<string, Changed<Entry>>();
  /** By sync and fact. */
  readonly #facts = new Map<string, Map<string, string>>();
  /** Syncs of which nothing below counts any more. */
  readonly #forgotten = new Set<string>();

  constructor(below: Ledger<Entry>) {
    this.#below = below;
  }

  async get(copies: readonly string[]): Promise<(Entry | null)[]> {
    const below = copies.filter((copy) => !this.#changed.has(copy));
    const found = await this.#below.get(below);
    const known = new Map(below.map((copy, index) => [copy, found[index] ?? null]));
    return copies.map((copy) => this.#changed.get(copy)?.now ?? known.get(copy) ?? null);
  }

  async record(copy: string, entry: Entry): Promise<void> {
    await this.#change(copy, entry);
  }

  async forget(copy: string): Promise<void> {
    await this.#change(copy, null);
  }

  async *ofSync(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    const seen = new Set<string>();
    for await (const known of this.#below.ofSync(sync)) {
      if (this.#changed.has(known.copy)) continue;
      seen.add(known.copy);
      yield known;
    }
    for (const [copy, { now }] of [...this.#changed]) {
      if (now?.sync === sync && !seen.has(copy)) yield { copy, entry: now };
    }
  }

  async *unwellOf(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    const seen = new Set<string>();
    for await (const known of this.#below.unwellOf(sync)) {
      if (this.#changed.has(known.copy)) continue;
      seen.add(known.copy);
      yield known;
    }
    for (const [copy, { now }] of [...this.#changed]) {
      if (now?.sync === sync && now.unwell && !seen.has(copy)) yield { copy, entry: now };
    }
  }

  async counts(sync: string): Promise<CopyCounts> {
    const counts = new Map<string, Map<string, number>>();
    const add = (destination: string, state: string, by: number) => {
      const states = counts.get(destination) ?? new Map<string, number>();
      counts.set(destination, states.set(state, (states.get(state) ?? 0) + by));
    };
    for (const [destination, states] of Object.entries(await this.#below.counts(sync))) {
      for (const [state, count] of Object.entries(states)) add(destination, state, count);
    }
    for (const { before, now } of this.#changed.values()) {
      if (before?.sync === sync) add(before.destination, before.state, -1);
      if (now?.sync === sync) add(now.destination, now.state, 1);
    }
    const present = [...counts].map(
      ([destination, states]) => [destination, [...states].filter(([, count]) => count > 0)] as const,
    );
    return Object.fromEntries(
      present.filter(([, states]) => states.length > 0).map(([place, states]) => [place, Object.fromEntries(states)]),
    );
  }

  async recall(sync: string, fact: string): Promise<string | null> {
    const known = this.#facts.get(sync)?.get(fact);
    if (known !== undefined) return known;
    return this.#forgotten.has(sync) ? null : this.#below.recall(sync, fact);
  }

  async remember(sync: string, fact: string, value: string): Promise<void> {
    const facts = this.#facts.get(sync) ?? new Map<string, string>();
    this.#facts.set(sync, facts.set(fact, value));
  }

  async forgetSync(sync: string): Promise<void> {
    for await (const { copy } of this.ofSync(sync)) await this.#change(copy, null);
    this.#facts.delete(sync);
    this.#forgotten.add(sync);
  }

  async #change(copy: string, now: Entry | null): Promise<void> {
    const known = this.#changed.get(copy);
    const [before = null] = known ? [known.before] : await this.#below.get([copy]);
    this.#changed.set(copy, { before, now });
  }
}
