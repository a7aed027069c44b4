/** What was heard of a path that waits: the highest version, as the shared state keeps it. */
export interface Heard {
  readonly version: number | null;
  readonly versionAt: number;
  readonly at: number;
}

/** The jobs of paths. What is heard of one while it waits is one job. */
export class PathQueue {
  readonly #now: () => number;
  readonly #waiting = new Map<string, Heard>();
  readonly #heardAt = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  hear(path: string, version: number | null): void {
    this.#heardAt.set(path, this.#now());
    this.keep(path, { version, versionAt: this.#now(), at: this.#now() });
  }

  /** Puts a job (back) in the queue. */
  keep(path: string, heard: Heard): void {
    const before = this.#waiting.get(path);
    const raises = (heard.version ?? 0) > (before?.version ?? 0);
    this.#waiting.set(path, before && !raises ? { ...before, at: Math.max(before.at, heard.at) } : heard);
  }

  take(path: string): Heard | null {
    const job = this.#waiting.get(path) ?? null;
    this.#waiting.delete(path);
    return job;
  }

  /** When something was heard of a path last. */
  heardAt(path: string): number {
    return this.#heardAt.get(path) ?? 0;
  }
}
