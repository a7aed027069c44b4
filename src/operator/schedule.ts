/** setTimeout counts with 31 bits; longer waits are taken in steps. */
const longestTimer = 2 ** 31 - 1;

/** Calls back when a sync's next full reconcile is due. One timer for all. */
export class Schedule {
  readonly #dueAt = new Map<string, number>();
  readonly #onDue: (key: string) => void;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #ringsAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: { onDue: (key: string) => void; now: () => number }) {
    this.#onDue = options.onDue;
    this.#now = options.now;
  }

  /** Plans the next one; `null` = none. */
  plan(key: string, dueAt: number | null): void {
    if (dueAt === null || this.#closed) {
      this.#dueAt.delete(key);
      return;
    }
    this.#dueAt.set(key, dueAt);
    if (dueAt < this.#ringsAt) this.#arm();
  }

  /** Forgets all that was planned: another replica plans now. */
  clear(): void {
    this.#dueAt.clear();
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#dueAt.clear();
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#ringsAt = Number.POSITIVE_INFINITY;
    for (const dueAt of this.#dueAt.values()) this.#ringsAt = Math.min(this.#ringsAt, dueAt);
    if (this.#ringsAt === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(0, this.#ringsAt - this.#now()), longestTimer);
    this.#timer = setTimeout(() => this.#ring(), delay);
    this.#timer.unref();
  }

  #ring(): void {
    const now = this.#now();
    for (const [key, dueAt] of this.#dueAt) {
      if (dueAt > now) continue;
      this.#dueAt.delete(key);
      this.#onDue(key);
    }
    this.#arm();
  }
}
