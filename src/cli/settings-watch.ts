import { readFile } from 'node:fs/promises';
import { settingsChange } from '../config/reload.ts';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../errors.ts';
import type { Logger } from '../logging.ts';

/** Milliseconds between two looks at the file. A change notice would be lost when a mount swaps the file's folder. */
const lookEveryMs = 1_000;

export interface SettingsWatchOptions {
  readonly file: string;
  /** Makes settings of the file's text; variables and flags win as they did at the start. @throws InputError */
  readonly parse: (text: string) => Settings;
  /** What the process started with. */
  readonly started: Settings;
  /** Called with settings of which `writes` or `log` differ from those in effect. */
  readonly apply: (settings: Pick<Settings, 'writes' | 'log'>) => void;
  readonly logger: Logger;
  readonly everyMs?: number;
}

export interface SettingsWatch {
  close(): Promise<void>;
}

/**
 * Follows the settings file: `writes` and `log.level` take effect at once, whatever else has changed is told and waits for
 * a restart. A file that is broken, or away, changes nothing; one that is being written is waited for.
 */
export function watchSettings(options: SettingsWatchOptions): SettingsWatch {
  const { file, parse, started, apply, logger, everyMs = lookEveryMs } = options;
  let text: string | null = null;
  /** What the last look saw. A file that is being written shows in parts, and half of it may say something else. */
  let seen: string | null = null;
  let inEffect = started;
  let complaint = '';
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    let after: Settings;
    try {
      const latest = await readFile(file, 'utf8');
      const isSettled = latest === seen;
      seen = latest;
      if (!isSettled || latest === text) return;
      after = parse(latest);
      text = latest;
    } catch (error) {
      text = null;
      complain({ problem: wordsOf(error) }, 'the settings file is of no use now; what was read before holds');
      return;
    }
    const { needsRestart } = settingsChange(started, after);
    if (needsRestart.length === 0) complaint = '';
    else complain({ settings: needsRestart }, 'settings have changed that take effect with a restart');
    if (settingsChange(inEffect, after).takesEffect.length === 0) return;
    inEffect = after;
    logger.info({ writes: after.writes, level: after.log.level }, 'settings read anew');
    apply(after);
  }

  /** Once for each thing to complain of. */
  function complain(about: object, words: string): void {
    const latest = JSON.stringify([about, words]);
    if (latest === complaint) return;
    complaint = latest;
    logger.warn({ file, ...about }, words);
  }

  function wordsOf(error: unknown): string {
    if (error instanceof InputError) return error.message;
    return `the file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }

  const timer = setInterval(() => {
    looking = looking.then(look);
  }, everyMs).unref();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
