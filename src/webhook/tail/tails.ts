import { type FileSettings, Tail, type TailOptions } from './tail.ts';

/** The audit files that this process follows. */
export interface Tails {
  /** Why one of them cannot be followed now; null when all can. */
  problem(): string | null;
  close(): Promise<void>;
}

/**
 * Follows the files of the settings, each from where it was left.
 * @throws InputError for a checkpoint that cannot be kept
 */
export async function startTails(
  files: readonly FileSettings[],
  options: Omit<TailOptions, keyof FileSettings>,
): Promise<Tails> {
  const tails: Tail[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(tails.map((tail) => tail.close()));
  };
  try {
    for (const file of files) tails.push(await Tail.start({ ...options, ...file }));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    problem: () => tails.map((tail) => tail.problem()).find((problem) => problem !== null) ?? null,
    close,
  };
}
