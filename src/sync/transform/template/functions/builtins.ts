import type { Budget } from '../budget.ts';
import { Fault } from '../fault.ts';
import { textOf, textOfAll } from '../format/print.ts';
import { formatAll } from '../format/printf.ts';
import { type Item, int, isKind, isTrue, list, typeName } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';
import { lengthOf, sliceText } from './text-bytes.ts';

const variadic = { parameters: [], rest: 'any' } as const;

/** What Go's templates have without being asked, but for the comparisons, `call` and `js`. */
export const builtins: FunctionTable = {
  // The evaluator short-circuits these two: here they only say how many arguments they take.
  and: defineVariadic({ parameters: ['any'], rest: 'any' }, ([first]) => first),
  or: defineVariadic({ parameters: ['any'], rest: 'any' }, ([first]) => first),
  not: define(['any'], ([value]) => !isTrue(value)),
  len: define(['any'], ([value]) => int(lengthOfItem(value))),
  index: defineVariadic({ parameters: ['any'], rest: 'any' }, ([item, ...indexes]) => {
    if (item === null) throw new Fault('index is asked of nothing: the key is missing or null');
    return indexes.reduce(elementAt, item);
  }),
  slice: defineVariadic({ parameters: ['any'], rest: 'any' }, ([item, ...indexes]) => slice(item, indexes)),
  print: defineVariadic(variadic, (values, budget) => textOfAll(values, budget)),
  println: defineVariadic(variadic, (values, budget) => {
    const texts = values.map((value) => textOf(value, budget));
    return `${texts.join(' ')}\n`;
  }),
  printf: defineVariadic({ parameters: ['string'], rest: 'any' }, ([format, ...values], budget) =>
    formatAll(format, values, budget),
  ),
  html: defineVariadic(variadic, (values, budget) => {
    const text = textForEscaping(values, budget);
    budget.spendText(text.length * 5);
    return text.replace(/[\0"'&<>]/g, (character) => htmlEscapes[character] ?? '');
  }),
  urlquery: defineVariadic(variadic, (values, budget) => {
    const text = textForEscaping(values, budget);
    budget.spendText(text.length * 3);
    return queryEscape(text);
  }),
};

const htmlEscapes: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

function textForEscaping(values: readonly Item[], budget: Budget): string {
  return textOfAll(
    values.map((value) => (value === null ? '<no value>' : value)),
    budget,
  );
}

function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function lengthOfItem(value: Item): number {
  if (typeof value === 'string') return lengthOf(value);
  if (isKind(value, 'list')) return value.items.length;
  if (isKind(value, 'dict')) return value.entries.size;
  throw new Fault(
    value === null ? 'len is asked of nothing: the key is missing or null' : `a ${typeName(value)} has no length`,
  );
}

function elementAt(item: Item, index: Item): Item {
  if (item === null) throw new Fault('index is asked of nothing: a key on the way is missing or null');
  if (isKind(item, 'dict')) {
    if (typeof index !== 'string') throw new Fault(`a map is indexed by a text, not by a ${typeName(index)}`);
    return item.entries.get(index) ?? (item.type === 'map[string]string' ? '' : null);
  }
  if (isKind(item, 'list')) return item.items[position(index, item.items.length - 1)] ?? null;
  if (typeof item !== 'string') throw new Fault(`a ${typeName(item)} cannot be indexed`);
  const bytes = Buffer.from(item);
  return int(bytes[position(index, bytes.length - 1)] ?? 0, 'uint8');
}

function position(index: Item, last: number): number {
  if (!isKind(index, 'int')) throw new Fault(`a place in a list or text is a whole number, not a ${typeName(index)}`);
  if (index.value < 0n || index.value > last) throw new Fault('the index is outside of the list or text');
  return Number(index.value);
}

function slice(item: Item, indexes: readonly Item[]): Item {
  if (indexes.length > 3) throw new Fault('slice takes at most three indexes');
  if (typeof item === 'string' && indexes.length === 3) throw new Fault('slice takes at most two indexes for a text');
  if (typeof item !== 'string' && !isKind(item, 'list'))
    throw new Fault(`slice cuts lists and texts, not a ${typeName(item)}`);
  const length = lengthOfItem(item);
  const [start = 0, end = length, capacity = length] = indexes.map((index) => position(index, length));
  if (start > end || end > capacity) throw new Fault('the indexes of slice are in the wrong order');
  return typeof item === 'string' ? sliceText(item, start, end) : list(item.items.slice(start, end), item.type);
}
