import type { Verdict } from './audit/verdict.ts';
import type { Clock } from './clock.ts';

const keptMs = 60_000;
const keptAtMost = 10_000;

/**
 * Remembers for a minute which entries made jobs that the queue took: a Vault with several audit devices sends each entry
 * once for every device, and the later ones would have each secret read again. Those that reach another webhook are not
 * known here; their jobs find that nothing differs.
 */
export class RepeatedEntries {
  readonly #clock: Clock;
  /** By entry, when the queue took its jobs; in that order. */
  readonly #takenAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Tells an entry from others by more than its request id, which a shipper might have overwritten: by the version it made,
   * or, where it tells none, by its time, which devices may give it differently. Null = nothing tells.
   */
  keyOf(vault: string, { requestId, verdict, namespace, path, operation, version, time }: Verdict): string | null {
    if (!requestId || verdict !== 'changed') return null;
    return [vault, requestId, namespace, path, operation, version ?? `at ${time}`].join('\n');
  }

  has(key: string): boolean {
    const takenAt = this.#takenAt.get(key);
    return takenAt !== undefined && this.#clock.now() - takenAt < keptMs;
  }

  /** Only once the queue holds the jobs: until then a repetition is another chance. */
  note(keys: Iterable<string>): void {
    const now = this.#clock.now();
    for (const key of keys) {
      this.#takenAt.delete(key);
      this.#takenAt.set(key, now);
    }
    for (const [key, takenAt] of this.#takenAt) {
      if (this.#takenAt.size <= keptAtMost && now - takenAt < keptMs) return;
      this.#takenAt.delete(key);
    }
  }
}
