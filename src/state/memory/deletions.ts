import type { DeletionLog } from '../contract.ts';

interface Noted {
  /** Unix time in milliseconds at which each copy was last noted. */
  readonly times: Map<string, number>;
  /** Unix time in milliseconds from which on the whole is of no use. */
  readonly until: number;
}

/** The deletions of one process. */
export class MemoryDeletionLog implements DeletionLog {
  /** By sync; the one noted last comes last. */
  readonly #syncs = new Map<string, Noted>();

  async admit(
    sync: string,
    options: { copies: readonly string[]; limit: number; windowMs: number; now: number },
  ): Promise<boolean> {
    const { copies, limit, windowMs, now } = options;
    this.#forgetOldSyncs(now);
    const times = this.#syncs.get(sync)?.times ?? new Map<string, number>();
    for (const [copy, time] of times) if (time <= now - windowMs) times.delete(copy);
    const added = new Set(copies.filter((copy) => !times.has(copy))).size;
    if (added > 0 && times.size + added > limit) return false;
    for (const copy of copies) times.set(copy, Math.max(now, times.get(copy) ?? now));
    this.#syncs.delete(sync);
    if (times.size > 0) this.#syncs.set(sync, { times, until: now + windowMs });
    return true;
  }

  async count(sync: string, options: { windowMs: number; now: number }): Promise<number> {
    return (await this.noted(sync, options)).length;
  }

  async noted(sync: string, { windowMs, now }: { windowMs: number; now: number }): Promise<readonly string[]> {
    const times = this.#syncs.get(sync)?.times ?? new Map<string, number>();
    return [...times].filter(([, time]) => time > now - windowMs).map(([copy]) => copy);
  }

  /** Those noted longest ago come first, so that this costs next to nothing. */
  #forgetOldSyncs(now: number): void {
    for (const [sync, { until }] of this.#syncs) {
      if (until > now) return;
      this.#syncs.delete(sync);
    }
  }
}
