import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../clock.ts';

/** Tells when it makes sense to look at a file again. */
export interface Wake {
  /** Resolves at the next hint, or after the interval, whatever comes first; at once when a hint came since the last time. */
  next(): Promise<void>;
  /** Ends every wait, now and later. */
  close(): void;
}

/**
 * The kernel's word that something was written is a hint only: it does not come from other hosts, nor through links. So
 * one looks every `everyMs` in any case.
 */
export function createWake(options: { readonly log: string; readonly everyMs: number; readonly clock: Clock }): Wake {
  const { log, everyMs, clock } = options;
  const name = basename(log);
  let watcher: FSWatcher | null = null;
  let hinted = false;
  let closed = false;
  let resume: (() => void) | null = null;

  const hint = (): void => {
    hinted = true;
    resume?.();
  };
  const unwatch = (): void => {
    watcher?.close();
    watcher = null;
  };
  const watchFolder = (): void => {
    try {
      watcher = watch(dirname(log), { persistent: false }, (_kind, changed) => {
        if (changed === null || changed.startsWith(name)) hint();
      });
      watcher.on('error', unwatch);
    } catch {
      // The folder is missing, or there are too many watches: the interval is enough.
      watcher = null;
    }
  };

  return {
    async next() {
      if (closed) return;
      if (!watcher) watchFolder();
      if (!hinted) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(everyMs, resolve);
          resume = () => {
            cancel();
            resolve();
          };
        });
        resume = null;
      }
      hinted = false;
    },
    close() {
      closed = true;
      unwatch();
      resume?.();
    },
  };
}
