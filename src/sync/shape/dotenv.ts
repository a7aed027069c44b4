import { fixSpec } from '../../errors.ts';
import type { JsonObject } from '../../vault/json.ts';
import { keyValue } from './json.ts';

/** POSIX: names of variables that a shell can set. */
const envName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The keys as lines `KEY="value"`, sorted, which a POSIX shell (`set -a; . ./file`) reads back exactly, and parsers of
 * `.env` files wherever both can agree; `docs/reference/formats.md` says where they cannot.
 * @throws SyncError `FixSpec` for keys that are no names of variables, and for values with a NUL
 */
export function renderDotenv(data: JsonObject): string {
  return Object.keys(data)
    .sort()
    .map((key) => `${checkName(key)}=${quote(key, keyValue(data[key] ?? null))}\n`)
    .join('');
}

function checkName(key: string): string {
  if (envName.test(key)) return key;
  throw fixSpec(
    'KeyNotEnv',
    `the key ${JSON.stringify(key)} cannot be a variable of format: dotenv, whose names have letters, digits and _ and ` +
      'do not begin with a digit: give it another name with transforms.rename, or leave it out with transforms.exclude',
  );
}

/**
 * Quotes a value. Nothing between single quotes means anything to a shell, nor to the parsers; between double quotes
 * the shell's own characters need a backslash, which parsers treat each in its own way. Hence double quotes where there
 * is nothing to escape, single quotes where they suffice, and else what the shell reads.
 */
function quote(key: string, value: string): string {
  if (value.includes('\0')) {
    throw fixSpec(
      'ValueNotEnv',
      `the value of ${JSON.stringify(key)} holds a NUL, which no variable of format: dotenv can: ` +
        'leave the key out with transforms.exclude, or choose another format',
    );
  }
  if (!/["$`\\]/.test(value)) return `"${value}"`;
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replace(/["$`\\]/g, '\\$&')}"`;
}
