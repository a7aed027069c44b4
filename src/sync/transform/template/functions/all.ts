import { builtins } from './builtins.ts';
import { comparisons } from './compare.ts';
import type { FunctionTable, TemplateFunction } from './define.ts';
import { dicts } from './dicts.ts';
import { encoding } from './encoding.ts';
import { lists } from './lists.ts';
import { logic } from './logic.ts';
import { numbers } from './numbers.ts';
import { regexes } from './regexes.ts';
import { strings } from './strings.ts';

const tables: readonly FunctionTable[] = [
  builtins,
  comparisons,
  logic,
  strings,
  encoding,
  dicts,
  lists,
  numbers,
  regexes,
];

/** Everything that a template can call. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map(
  tables.flatMap((table) => Object.entries(table)),
);

/** How many arguments each function takes. */
export const signatures = new Map(
  [...functions].map(([name, { parameters, rest }]) => {
    const fewest = parameters.length;
    return [name, { fewest, most: rest === null ? fewest : Number.POSITIVE_INFINITY }] as const;
  }),
);
