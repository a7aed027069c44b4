const foldersAtOnce = 4;

/**
 * Walks folders and yields the names of secrets in an order that depends only on what the folders hold. The next
 * folders are listed ahead while names of one are handed out.
 *
 * @param list what one folder holds (names, folders ending in `/`), given the folder's name: '' or ending in `/`
 */
export async function* walkFolders(options: {
  prefix: string;
  signal: AbortSignal;
  list: (folder: string, signal: AbortSignal) => Promise<readonly string[]>;
}): AsyncGenerator<string, void, undefined> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([options.signal, stopped.signal]);
  const waiting = [options.prefix];
  const listed: { folder: string; keys: Promise<readonly string[]> }[] = [];
  try {
    for (;;) {
      while (listed.length < foldersAtOnce) {
        const folder = waiting.pop();
        if (folder === undefined) break;
        const keys = options.list(folder, signal);
        // One that fails while another is read must not count as unhandled.
        keys.catch(() => undefined);
        listed.push({ folder, keys });
      }
      const next = listed.shift();
      if (next === undefined) return;
      const folders: string[] = [];
      for (const key of await next.keys) {
        if (key.endsWith('/')) folders.push(next.folder + key);
        else yield next.folder + key;
      }
      waiting.push(...folders.reverse());
    }
  } finally {
    stopped.abort();
  }
}
