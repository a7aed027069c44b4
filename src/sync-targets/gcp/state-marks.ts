import type { TargetContext } from '../contract.ts';

/** GCP takes 120 changes of a secret per minute at most, and each costs a request: one a minute is enough for a mark. */
const intervalMs = 60_000;

/** Between two marks, whatever copies they are for: each costs two calls that read and one that writes (see `rates`). */
export const markStepMs = 3_000;

/** The state mark that a copy must get, and whose copy it must still be by then. */
export interface StateMark {
  readonly owner: string;
  readonly state: string;
  /** Number of the version that it is about. */
  readonly version: number;
}

/**
 * State marks still to be written. A mark waits a minute, so that a hundred changes of one secret in that time cost one
 * annotation, the last, and then for its turn, so that a thousand changed secrets leave Google's quotas to new values. Nothing depends on it being there soon: until then the ledger knows what was written,
 * and a mark that is too old only makes a copy be written once more.
 */
export interface StateMarks {
  /** The state that the copy is going to be marked with; null = nothing waits. */
  awaited(name: string): string | null;
  /** Of two versions that were added at once the newer one counts, in whatever order their answers arrived. */
  add(name: string, mark: StateMark): void;
  /** The copy is gone, or was marked otherwise. */
  drop(name: string): void;
  /** Writes at once what waits. */
  close(): Promise<void>;
}

export interface StateMarksOptions extends Pick<TargetContext<unknown>, 'schedule' | 'now'> {
  /** Writes one mark. What it throws is reported, and the mark waits another minute. */
  write(name: string, mark: StateMark): Promise<void>;
  report(error: unknown): void;
}

export function createStateMarks({ write, report, schedule, now }: StateMarksOptions): StateMarks {
  const waiting = new Map<string, { mark: StateMark; timer: { cancel(): void } }>();
  const running = new Set<Promise<void>>();
  let closed = false;
  /** Unix time in milliseconds of the next turn that nobody has. */
  let nextTurnAt = 0;

  function add(name: string, mark: StateMark): void {
    const entry = waiting.get(name);
    if (entry) entry.mark = entry.mark.version > mark.version ? entry.mark : mark;
    else waiting.set(name, { mark, timer: schedule(() => takeTurn(name), intervalMs) });
  }

  function drop(name: string): void {
    waiting.get(name)?.timer.cancel();
    waiting.delete(name);
  }

  function takeTurn(name: string): void {
    const entry = waiting.get(name);
    if (!entry) return;
    const at = Math.max(now(), nextTurnAt);
    nextTurnAt = at + markStepMs;
    if (at > now()) entry.timer = schedule(() => run(name), at - now());
    else run(name);
  }

  function run(name: string): void {
    const work = flush(name).finally(() => running.delete(work));
    running.add(work);
  }

  async function flush(name: string): Promise<void> {
    const entry = waiting.get(name);
    if (!entry) return;
    // It stays in the map while it is written, so that `awaited` has no gap.
    const { mark } = entry;
    let isWritten = false;
    try {
      await write(name, mark);
      isWritten = true;
    } catch (error) {
      report(error);
    }
    if (waiting.get(name) !== entry) return;
    if (isWritten && entry.mark === mark) waiting.delete(name);
    else if (!closed) entry.timer = schedule(() => takeTurn(name), intervalMs);
  }

  return {
    awaited: (name) => waiting.get(name)?.mark.state ?? null,
    add,
    drop,
    async close() {
      closed = true;
      await Promise.all(running);
      for (const [name, { timer }] of waiting) {
        timer.cancel();
        run(name);
      }
      await Promise.all(running);
      waiting.clear();
    },
  };
}
