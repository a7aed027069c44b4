/** What became of an audit entry at the webhooks. */
export type Fate =
  /** Answered 200. */
  | 'taken'
  /** Answered 503 and not sent again. */
  | 'refused'
  /** The connection broke or no answer came, and it was not sent again: nobody was told of it. */
  | 'unheard';

/** What was done to each secret, and what became of the entries about it, in the order of time. */
export class History {
  readonly #started = performance.now();
  readonly #events = new Map<string, string[]>();
  readonly #fates = new Map<string, Fate>();

  /** Milliseconds since the start. */
  now(): number {
    return performance.now() - this.#started;
  }

  note(secret: string, what: string): void {
    const events = this.#events.get(secret) ?? [];
    this.#events.set(secret, events);
    events.push(`${(this.now() / 1000).toFixed(2).padStart(8)} s  ${what}`);
  }

  /** The latest entry of a secret has come to its end. */
  noteFate(secret: string, fate: Fate, where: string): void {
    this.#fates.set(secret, fate);
    this.note(secret, `entry ${fate} ${where}`);
  }

  lastFate(secret: string): Fate | null {
    return this.#fates.get(secret) ?? null;
  }

  /** The latest events of a secret. */
  latest(secret: string, count = 40): readonly string[] {
    return (this.#events.get(secret) ?? []).slice(-count);
  }
}
