import type { Clock } from '../clock.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';

/** Longest time between a step forward and its place on the disk; so much is read twice after a crash. */
const saveEveryMs = 1_000;

/** Writes down how far a file was read, now and then. */
export interface CheckpointKeeper {
  /** Remembers a step; it is written within a second. */
  keep(checkpoint: Checkpoint): void;
  /** Writes what was kept last, unless it is written already; never rejects. */
  save(): Promise<void>;
  /** What kept the last write from succeeding; null when it did. */
  problem(): string | null;
  /** Writes what was kept last and stops. */
  close(): Promise<void>;
}

export function createCheckpointKeeper(options: {
  readonly file: string;
  readonly clock: Clock;
  /** Told of each write that failed; it is tried again. */
  readonly onFailure: (error: unknown) => void;
}): CheckpointKeeper {
  const { file, clock, onFailure } = options;
  let kept: Checkpoint | null = null;
  let writing: Promise<void> = Promise.resolve();
  let cancelTimer: (() => void) | null = null;
  let problem: string | null = null;
  let closed = false;

  const schedule = (): void => {
    if (closed) return;
    cancelTimer ??= clock.after(saveEveryMs, () => {
      cancelTimer = null;
      void save();
    });
  };
  const write = async (): Promise<void> => {
    const next = kept;
    if (next === null) return;
    kept = null;
    try {
      await writeCheckpoint(file, next);
      problem = null;
    } catch (error) {
      problem = `the checkpoint ${file} cannot be written`;
      onFailure(error);
      kept ??= next;
      schedule();
    }
  };
  // One after another: two at once would write to the same file.
  const save = (): Promise<void> => {
    writing = writing.then(write);
    return writing;
  };

  return {
    keep(checkpoint) {
      kept = checkpoint;
      schedule();
    },
    save,
    problem: () => problem,
    async close() {
      closed = true;
      cancelTimer?.();
      await save();
    },
  };
}
