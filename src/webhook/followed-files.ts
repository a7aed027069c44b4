import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './clock.ts';

/** As often as files are looked at, in milliseconds. Folders of mounted Secrets are exchanged as a whole, which a watch on a file may miss. */
const lookMs = 5_000;

/** The texts of files, in their order; for one that cannot be read the reason, e.g. `ENOENT`. */
export type FileTexts = readonly ({ readonly text: string } | { readonly unreadable: string })[];

export async function readFiles(files: readonly string[]): Promise<FileTexts> {
  return Promise.all(
    files.map((file) =>
      readFile(file, 'utf8').then(
        (text) => ({ text }),
        (error: NodeJS.ErrnoException) => ({ unreadable: error.code ?? 'unreadable' }),
      ),
    ),
  );
}

/**
 * Reads files again every few seconds and hands them on when they are not as they were, but only once two looks saw the
 * same: who writes them one after the other is not taken at half of it. The returned function ends that.
 */
export function followFiles(options: {
  readonly files: readonly string[];
  /** What was read last. */
  readonly read: FileTexts;
  readonly clock: Clock;
  readonly changed: (texts: FileTexts) => void;
}): () => void {
  const { files, clock, changed } = options;
  let handedOn = options.read;
  let seen = options.read;
  let closed = false;
  let cancel = (): void => undefined;

  const look = async (): Promise<void> => {
    const texts = await readFiles(files);
    if (closed) return;
    if (isDeepStrictEqual(texts, seen) && !isDeepStrictEqual(texts, handedOn)) {
      handedOn = texts;
      changed(texts);
    }
    seen = texts;
    cancel = clock.after(lookMs, () => void look());
  };
  if (files.length > 0) cancel = clock.after(lookMs, () => void look());
  return () => {
    closed = true;
    cancel();
  };
}
