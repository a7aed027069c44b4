import { readFile } from 'node:fs/promises';
import { environment } from '../config/environment.ts';
import { loadSettings } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../errors.ts';
import type { Arguments } from './arguments.ts';

/** Reads the settings of a command: `--settings FILE` (or VSS_SETTINGS), variables, flags. @throws InputError */
export async function readSettings(given: Arguments, fixed: Readonly<Record<string, string>> = {}): Promise<Settings> {
  const env = environment();
  const name = given.own['settings'] ?? env['VSS_SETTINGS'];
  const flags = { ...given.settings, ...fixed };
  if (typeof name !== 'string') return loadSettings({ env, flags });
  return loadSettings({ file: { name, text: await readText(name, 'the settings') }, env, flags });
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
