import type { Interest, InterestBoard } from '../contract.ts';

/** The interest, where the publisher and its readers are one process. */
export class MemoryInterest implements InterestBoard {
  readonly #watchers = new Set<() => void>();
  #published: Interest | null = null;

  async publish(interest: Omit<Interest, 'format' | 'revision'>): Promise<number> {
    const revision = (this.#published?.revision ?? 0) + 1;
    const { entries, kvVersions } = interest;
    this.#published = { format: 1, revision, entries, kvVersions };
    queueMicrotask(() => {
      for (const changed of [...this.#watchers]) changed();
    });
    return revision;
  }

  async read(): Promise<Interest | null> {
    return this.#published;
  }

  async watch(changed: () => void): Promise<() => Promise<void>> {
    // A function of its own: the same callback may watch twice.
    const watcher = () => changed();
    this.#watchers.add(watcher);
    return async () => {
      this.#watchers.delete(watcher);
    };
  }

  close(): void {
    this.#watchers.clear();
  }
}
