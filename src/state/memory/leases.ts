import type { Lease, Leases } from '../contract.ts';
import { stateClosed } from '../failures.ts';

interface Waiter {
  readonly keys: readonly string[];
  readonly grant: (lease: Lease | null) => void;
}

/** Mutexes of one process. A lease is lost only when the state closes. */
export class MemoryLeases implements Leases {
  readonly #held = new Map<string, AbortController>();
  /** In order of arrival; one whose keys are free is never kept waiting by an earlier one whose keys are not. */
  readonly #waiters = new Set<Waiter>();
  #closed = false;

  async acquire(keys: readonly string[], options: { waitMs: number; signal?: AbortSignal }): Promise<Lease | null> {
    if (this.#closed) throw stateClosed();
    if (options.signal?.aborted) return null;
    if (this.#areFree(keys)) return this.#take(keys);
    if (options.waitMs <= 0) return null;
    return this.#wait(keys, options);
  }

  close(): void {
    this.#closed = true;
    for (const controller of this.#held.values()) controller.abort(stateClosed());
    for (const waiter of this.#waiters) waiter.grant(null);
    this.#held.clear();
  }

  #wait(keys: readonly string[], options: { waitMs: number; signal?: AbortSignal }): Promise<Lease | null> {
    return new Promise((resolve) => {
      const giveUp = () => waiter.grant(null);
      const timer = setTimeout(giveUp, options.waitMs);
      const waiter: Waiter = {
        keys,
        grant: (lease) => {
          clearTimeout(timer);
          options.signal?.removeEventListener('abort', giveUp);
          this.#waiters.delete(waiter);
          resolve(lease);
        },
      };
      options.signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #areFree(keys: readonly string[]): boolean {
    return keys.every((key) => !this.#held.has(key));
  }

  #take(keys: readonly string[]): Lease {
    const controller = new AbortController();
    for (const key of keys) this.#held.set(key, controller);
    return {
      signal: controller.signal,
      release: async () => {
        for (const key of keys) {
          if (this.#held.get(key) === controller) this.#held.delete(key);
        }
        this.#serveWaiters();
      },
    };
  }

  #serveWaiters(): void {
    for (const waiter of [...this.#waiters]) {
      if (this.#areFree(waiter.keys)) waiter.grant(this.#take(waiter.keys));
    }
  }
}
