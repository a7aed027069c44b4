import { Fault } from '../fault.ts';
import { textOf } from '../format/print.ts';
import { quote } from '../format/quote.ts';
import { trimSpace } from '../space.ts';
import { dict, type Item, isKind, list } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';
import { lengthOf, sliceText } from './text-bytes.ts';

/** Sprig's functions on texts; the text itself comes last, so that it can come through a pipeline. */
export const strings: FunctionTable = {
  upper: define(['string'], ([text]) => (isAscii(text) ? text.toUpperCase() : mapCharacters(text, toUpper))),
  lower: define(['string'], ([text]) => (isAscii(text) ? text.toLowerCase() : mapCharacters(text, toLower))),
  title: define(['string'], ([text], budget) => {
    budget.spendText(text.length * 2);
    return title(text);
  }),
  trim: define(['string'], ([text]) => trimSpace(text)),
  trimAll: define(['string', 'string'], ([characters, text]) => trimAll(text, characters)),
  trimPrefix: define(['string', 'string'], ([prefix, text]) =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  trimSuffix: define(['string', 'string'], ([suffix, text]) =>
    text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text,
  ),
  replace: define(['string', 'string', 'string'], ([old, replacement, text], budget) => {
    const pieces = split(text, old);
    budget.spend(pieces.length / 8);
    budget.spendText(text.length + pieces.length * replacement.length);
    // Go finds the empty text before each character and at the end.
    return old === '' ? replacement + pieces.map((piece) => piece + replacement).join('') : pieces.join(replacement);
  }),
  contains: define(['string', 'string'], ([part, text]) => text.includes(part)),
  hasPrefix: define(['string', 'string'], ([prefix, text]) => text.startsWith(prefix)),
  hasSuffix: define(['string', 'string'], ([suffix, text]) => text.endsWith(suffix)),
  repeat: define(['int', 'string'], ([count, text], budget) => {
    if (count < 0) throw new Fault('repeat wants a count of zero or more');
    budget.spendText(count * text.length);
    return text.repeat(text === '' ? 0 : count);
  }),
  trunc: define(['int', 'string'], ([count, text]) => {
    const length = lengthOf(text);
    if (count < 0 && length + count > 0) return sliceText(text, length + count, length);
    return count >= 0 && length > count ? sliceText(text, 0, count) : text;
  }),
  substr: define(['int', 'int', 'string'], ([start, end, text]) => {
    const length = lengthOf(text);
    const [from, to] = start < 0 ? [0, end] : [start, end < 0 || end > length ? length : end];
    if (from > to || to > length) throw new Fault('substr is asked for a part that the text does not have');
    return sliceText(text, from, to);
  }),
  indent: define(['int', 'string'], ([spaces, text], budget) => indent(text, spaces, budget)),
  nindent: define(['int', 'string'], ([spaces, text], budget) => `\n${indent(text, spaces, budget)}`),
  quote: defineVariadic({ parameters: [], rest: 'any' }, (values, budget) => {
    const texts = values.filter((value) => value !== null).map((value) => textOf(value, budget));
    for (const text of texts) budget.spendText(text.length * 4);
    return texts.map((text) => quote(text)).join(' ');
  }),
  squote: defineVariadic({ parameters: [], rest: 'any' }, (values, budget) => {
    const texts = values.filter((value) => value !== null).map((value) => `'${textOf(value, budget)}'`);
    return texts.join(' ');
  }),
  split: define(['string', 'string'], ([separator, text], budget) => {
    const pieces = split(text, separator);
    budget.spend(pieces.length);
    return dict(
      pieces.map((piece, index) => [`_${index}`, piece]),
      'map[string]string',
    );
  }),
  splitList: define(['string', 'string'], ([separator, text], budget) => {
    const pieces = split(text, separator);
    budget.spend(pieces.length);
    return list(pieces, '[]string');
  }),
  join: define(['string', 'any'], ([separator, value], budget) => {
    const texts = textsOf(value, (item) => textOf(item, budget));
    budget.spend(texts.length);
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    budget.spendText(length + separator.length * texts.length);
    return texts.join(separator);
  }),
  toString: define(['any'], ([value], budget) => textOf(value, budget)),
  string: define(['any'], ([value], budget) => textOf(value, budget)),
};

/** A list as texts, without what is nil; anything else as a list of one. */
export function textsOf(value: Item, toText: (item: Item) => string): string[] {
  if (value === null) return [];
  return (isKind(value, 'list') ? value.items : [value]).filter((item) => item !== null).map(toText);
}

/** An empty separator cuts between characters. */
function split(text: string, separator: string): string[] {
  return separator === '' ? [...text] : text.split(separator);
}

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}

function mapCharacters(text: string, change: (character: string) => string): string {
  let changed = '';
  for (const character of text) changed += change(character);
  return changed;
}

/** Go changes character by character: what would become two, as ß, stays. */
function toUpper(character: string): string {
  const upper = character.toUpperCase();
  return [...upper].length === 1 ? upper : character;
}

function toLower(character: string): string {
  if (character === 'İ') return 'i';
  const lower = character.toLowerCase();
  return [...lower].length === 1 ? lower : character;
}

/** The first letter of each word; letters, digits, `_`, and symbols beyond ASCII belong to words. */
function title(text: string): string {
  let previous = ' ';
  return mapCharacters(text, (character) => {
    const begins = isSeparator(previous);
    previous = character;
    return begins ? toUpper(character) : character;
  });
}

function isSeparator(character: string): boolean {
  if (character <= '\x7f') return !/\w/.test(character);
  return !/[\p{L}\p{Nd}]/u.test(character) && /\p{White_Space}/u.test(character);
}

function trimAll(text: string, characters: string): string {
  const trimmed = new Set(characters);
  const all = [...text];
  const start = all.findIndex((character) => !trimmed.has(character));
  const end = all.findLastIndex((character) => !trimmed.has(character));
  return start < 0 ? '' : all.slice(start, end + 1).join('');
}

function indent(text: string, spaces: number, budget: { spendText(length: number): void }): string {
  if (spaces < 0) throw new Fault('a text is indented by zero spaces or more');
  const lines = text.split('\n');
  budget.spendText(text.length + spaces * lines.length);
  const padding = ' '.repeat(spaces);
  return lines.map((line) => padding + line).join('\n');
}
