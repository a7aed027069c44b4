import { isDeepStrictEqual } from 'node:util';
import { leaves } from './leaves.ts';
import { valueAt } from './load.ts';
import type { Settings } from './settings.ts';

/** The settings that take effect while the process runs. */
const live: readonly string[] = ['writes', 'log.level'];

/** Paths of settings that differ, e.g. `state.redis`; their values may be secret. */
export interface SettingsChange {
  readonly takesEffect: readonly string[];
  readonly needsRestart: readonly string[];
}

/** Compares the settings in effect with those that the file holds by now. Pure. */
export function settingsChange(before: Settings, after: Settings): SettingsChange {
  const changed = leaves
    .map(({ path }) => path)
    .filter((path) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)));
  return {
    takesEffect: changed.filter((path) => live.includes(path)),
    needsRestart: changed.filter((path) => !live.includes(path)),
  };
}
