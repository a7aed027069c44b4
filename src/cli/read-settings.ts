import { readFile } from 'node:fs/promises';
import { environment } from '../config/environment.ts';
import { loadSettings } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../errors.ts';
import type { Arguments } from './arguments.ts';

/** Settings that a command without a server takes as given, for it neither listens nor shares a queue. */
export const withoutServer = {
  roles: 'webhook,operator',
  'webhook-allow-unauthenticated': 'true',
  'webhook-http-plain': 'true',
} as const;

/** Reads the settings of a command: `--settings FILE` (or VSS_SETTINGS), variables, flags. @throws InputError */
export async function readSettings(given: Arguments, fixed: Readonly<Record<string, string>> = {}): Promise<Settings> {
  const name = settingsFile(given);
  if (name === null) return loadSettings({ env: environment(), flags: { ...given.settings, ...fixed } });
  return parseSettings({ ...given, settings: { ...given.settings, ...fixed } }, await readText(name, 'the settings'));
}

/** The settings that a text makes in the place of a command's file. @throws InputError */
export function parseSettings(given: Arguments, text: string): Settings {
  return loadSettings({
    file: { name: settingsFile(given) ?? '', text },
    env: environment(),
    flags: given.settings,
  });
}

/** Name of the settings file of a command; null = it has none. */
export function settingsFile(given: Arguments): string | null {
  const name = given.own['settings'] ?? environment()['VSS_SETTINGS'];
  return typeof name === 'string' ? name : null;
}

/** Reads a text file that a setting names. @throws InputError naming the setting */
export async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new InputError(`${what}: the file ${file} cannot be read (${code})`, { cause: error });
  }
}

/** Reads a credential file: its text without the line end that editors add. @throws InputError */
export async function readCredential(file: string, what: string): Promise<string> {
  const text = (await readText(file, what)).trim();
  if (text === '') throw new InputError(`${what}: the file ${file} is empty`);
  return text;
}
