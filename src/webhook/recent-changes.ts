import type { Verdict } from './audit/verdict.ts';
import type { Clock } from './clock.ts';

const keptMs = 60_000;
const keptAtMost = 10_000;
/** Characters of all that is kept: hostile paths are 32 KB long. */
const mostCharacters = 8_000_000;

/** A change that nobody wanted when it was heard. */
export interface RecentChange {
  readonly vault: string;
  readonly verdict: Verdict;
  /** Unix time in milliseconds; now, if left out. */
  readonly heardAt?: number;
}

/**
 * Remembers for a minute what nobody wanted. A sync that is published meanwhile may have read Vault before the change,
 * while this process did not know of the sync yet: the next revision of the interest is matched against these.
 */
export class RecentChanges {
  readonly #clock: Clock;
  #characters = 0;
  readonly #changes = new Map<string, Required<RecentChange>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#changes.size;
  }

  /** Instead of what was heard of the same place before. */
  keep({ vault, verdict, heardAt = this.#clock.now() }: RecentChange): void {
    const key = `${vault}\n${verdict.namespace}\n${verdict.reason}\n${verdict.path}`;
    const known = this.#changes.get(key);
    if (known && known.heardAt > heardAt) return;
    // Out and in again: the map stays in the order of hearing.
    this.#forget(key);
    this.#changes.set(key, { vault, verdict, heardAt });
    this.#characters += key.length;
    while (this.#changes.size > keptAtMost || this.#characters > mostCharacters) this.#forgetFirst();
  }

  /** Takes out those that `isWanted`, and forgets those that are older than a minute. */
  takeWanted(isWanted: (change: RecentChange) => boolean): RecentChange[] {
    const oldest = this.#clock.now() - keptMs;
    const wanted: RecentChange[] = [];
    for (const [key, change] of this.#changes) {
      const keeps = change.heardAt >= oldest && !isWanted(change);
      if (keeps) continue;
      this.#forget(key);
      if (change.heardAt >= oldest) wanted.push(change);
    }
    return wanted;
  }

  #forgetFirst(): void {
    const first = this.#changes.keys().next();
    if (!first.done) this.#forget(first.value);
  }

  #forget(key: string): void {
    if (this.#changes.delete(key)) this.#characters -= key.length;
  }
}
