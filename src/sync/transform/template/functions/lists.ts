import type { Budget } from '../budget.ts';
import { Fault } from '../fault.ts';
import { textOf } from '../format/print.ts';
import { compareTexts, type Item, int, isKind, isTrue, type List, list, nilList, typeName } from '../values.ts';
import { isDeeplyEqual } from './compare.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';
import { textsOf } from './strings.ts';

/** Sprig's functions on lists. */
export const lists: FunctionTable = {
  list: defineVariadic({ parameters: [], rest: 'any' }, (items) => list(items)),
  first: define(['any'], ([value]) => listOf(value, 'first').items[0] ?? null),
  last: define(['any'], ([value]) => listOf(value, 'last').items.at(-1) ?? null),
  rest: define(['any'], ([value], budget) => part(listOf(value, 'rest'), 1, budget)),
  initial: define(['any'], ([value], budget) => part(listOf(value, 'initial'), 0, budget)),
  reverse: define(['any'], ([value], budget) => list(copy(value, 'reverse', budget).reverse())),
  append: define(['any', 'any'], ([value, item], budget) => list([...copy(value, 'append', budget), item])),
  prepend: define(['any', 'any'], ([value, item], budget) => list([item, ...copy(value, 'prepend', budget)])),
  concat: defineVariadic({ parameters: [], rest: 'any' }, (values, budget) => {
    const items = values.flatMap((value) => copy(value, 'concat', budget));
    return items.length === 0 ? nilList : list(items);
  }),
  uniq: define(['any'], ([value], budget) => {
    const unique: Item[] = [];
    for (const item of listOf(value, 'uniq').items) if (!holds(unique, item, budget)) unique.push(item);
    return list(unique);
  }),
  without: defineVariadic({ parameters: ['any'], rest: 'any' }, ([value, ...unwanted], budget) =>
    list(listOf(value, 'without').items.filter((item) => !holds(unwanted, item, budget))),
  ),
  has: define(['any', 'any'], ([item, value], budget) => {
    return value !== null && holds(listOf(value, 'has').items, item, budget);
  }),
  compact: define(['any'], ([value], budget) => list(copy(value, 'compact', budget).filter((item) => isTrue(item)))),
  sortAlpha: define(['any'], ([value], budget) => {
    const texts = isKind(value, 'list') ? textsOf(value, (item) => textOf(item, budget)) : [textOf(value, budget)];
    budget.spend(texts.length * 4);
    for (const text of texts) budget.spendText(text.length);
    return list(texts.sort(compareTexts), '[]string');
  }),
  until: define(['int'], ([count], budget) => countUp({ start: 0, stop: count, step: count < 0 ? -1 : 1 }, budget)),
  untilStep: define(['int', 'int', 'int'], ([start, stop, step], budget) => countUp({ start, stop, step }, budget)),
};

function listOf(value: Item, name: string): List {
  if (isKind(value, 'list')) return value;
  throw new Fault(`${name} wants a list, and is given ${value === null ? 'nothing' : `a ${typeName(value)}`}`);
}

function copy(value: Item, name: string, budget: Budget): Item[] {
  const { items } = listOf(value, name);
  budget.spend(items.length);
  return [...items];
}

/** All but the first item (from 1) or all but the last (from 0). */
function part({ items }: List, from: 0 | 1, budget: Budget): List {
  budget.spend(items.length);
  return items.length === 0 ? nilList : list(items.slice(from, items.length - 1 + from));
}

function holds(items: readonly Item[], wanted: Item, budget: Budget): boolean {
  return items.some((item) => isDeeplyEqual(item, wanted, { count: (things) => budget.spend(things) }));
}

function countUp({ start, stop, step }: { start: number; stop: number; step: number }, budget: Budget): List {
  const count = Math.ceil((stop - start) / step);
  const runs = step !== 0 && Math.sign(stop - start) === Math.sign(step);
  budget.spend(runs ? count : 0);
  return list(
    Array.from({ length: runs ? count : 0 }, (_, index) => int(start + index * step)),
    '[]int',
  );
}
