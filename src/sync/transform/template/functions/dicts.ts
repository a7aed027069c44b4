import { Fault } from '../fault.ts';
import { textOf } from '../format/print.ts';
import { dict, type Item, isKind, list, sortedEntries } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';

/** Sprig's functions on maps. Keys and values come in the order of the keys, where Sprig has them in none. */
export const dicts: FunctionTable = {
  dict: defineVariadic({ parameters: [], rest: 'any' }, (values, budget) => {
    const made = dict([]);
    for (let index = 0; index < values.length; index += 2) {
      const value = values[index + 1];
      made.entries.set(textOf(values[index] ?? null, budget), value === undefined ? '' : value);
    }
    return made;
  }),
  get: define(['map', 'string'], ([map, key]) => {
    const value = map.entries.get(key);
    return value === undefined ? '' : value;
  }),
  set: define(['map', 'string', 'any'], ([map, key, value]) => {
    if (map.isNil) throw new Fault('set is given no map: the key is missing');
    map.entries.set(key, value);
    return map;
  }),
  unset: define(['map', 'string'], ([map, key]) => {
    map.entries.delete(key);
    return map;
  }),
  hasKey: define(['map', 'string'], ([map, key]) => map.entries.has(key)),
  keys: defineVariadic({ parameters: [], rest: 'map' }, (maps, budget) =>
    list(
      maps.flatMap((map) => sortedEntries(map, budget).map(([key]) => key)),
      '[]string',
    ),
  ),
  values: define(['map'], ([map], budget) => list(sortedEntries(map, budget).map(([, value]) => value))),
  pick: defineVariadic({ parameters: ['map'], rest: 'string' }, ([map, ...keys], budget) => {
    budget.spend(keys.length);
    const wanted = new Set(keys);
    return dict(sortedEntries(map, budget).filter(([key]) => wanted.has(key)));
  }),
  omit: defineVariadic({ parameters: ['map'], rest: 'string' }, ([map, ...keys], budget) => {
    const unwanted = new Set(keys);
    return dict(sortedEntries(map, budget).filter(([key]) => !unwanted.has(key)));
  }),
  dig: defineVariadic({ parameters: ['any', 'any', 'any'], rest: 'any' }, dig),
};

/** `dig "a" "b" "default" map`: what is at `map.a.b`, or the default. */
function dig(args: readonly Item[]): Item {
  const fallback = args.at(-2) ?? null;
  let value: Item = args.at(-1) ?? null;
  for (const key of args.slice(0, -2)) {
    if (typeof key !== 'string') throw new Fault('dig wants texts for keys');
    if (!isKind(value, 'dict') || value.type !== 'map[string]interface {}') {
      throw new Fault('dig comes to something that is no map');
    }
    const found: Item | undefined = value.entries.get(key);
    if (found === undefined) return fallback;
    value = found;
  }
  return value;
}
