import type { Matcher, RE2JS } from 're2js';
import { SyncError } from '../../../../errors.ts';
import { compileSearch } from '../../search-pattern.ts';
import { type Budget, TextBuilder } from '../budget.ts';
import { Fault } from '../fault.ts';
import { list, nilList } from '../values.ts';
import { define, type FunctionTable } from './define.ts';

/** Sprig's functions on RE2 patterns. A pattern that is none is a fault, where some of Sprig's stay silent. */
export const regexes: FunctionTable = {
  regexMatch: define(['string', 'string'], ([pattern, text], budget) => {
    return prepare({ pattern, text }, budget)(0) !== null;
  }),
  regexFind: define(['string', 'string'], ([pattern, text], budget) => {
    return prepare({ pattern, text }, budget)(0)?.group() ?? '';
  }),
  regexFindAll: define(['string', 'string', 'int'], ([pattern, text, most], budget) => {
    const found: string[] = [];
    for (const match of matches({ pattern, text }, budget)) {
      if (most >= 0 && found.length >= most) break;
      found.push(match.group() ?? '');
    }
    return found.length === 0 ? { ...nilList, type: '[]string' } : list(found, '[]string');
  }),
  regexReplaceAll: define(['string', 'string', 'string'], ([pattern, text, template], budget) =>
    replaceAll({ pattern, text, replace: (match) => expand(template, match) }, budget),
  ),
  regexReplaceAllLiteral: define(['string', 'string', 'string'], ([pattern, text, replacement], budget) =>
    replaceAll({ pattern, text, replace: () => replacement }, budget),
  ),
  regexQuoteMeta: define(['string'], ([text]) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
};

/** Steps for compiling, and characters times instructions that cost as much as one step. */
const compileSteps = 1_000;
const workPerStep = 64;

interface Search {
  readonly pattern: string;
  readonly text: string;
}

/** Finds the next match at `position` or after it; null when there is none. */
type Find = (position: number) => Matcher | null;

/** Compiles a pattern for one text. Each search is paid for as if it went to the end of the text: some do. */
function prepare({ pattern, text }: Search, budget: Budget): Find {
  budget.spend(compileSteps);
  const compiled = compile(pattern);
  const matcher = compiled.matcher(text);
  const size = compiled.programSize();
  return (position) => {
    budget.spend(1 + ((text.length - position) * size) / workPerStep);
    return matcher.find(position) ? matcher : null;
  };
}

function compile(pattern: string): RE2JS {
  try {
    return compileSearch(pattern, 'the pattern');
  } catch (error) {
    // A pattern that was put together from the secret must not show in a message.
    if (error instanceof SyncError) throw new Fault('the pattern is not RE2, or it is too large');
    throw error;
  }
}

/** All matches, one after the other; an empty one never touches the match before it. */
function* matches(search: Search, budget: Budget): Generator<Matcher> {
  const { text } = search;
  const find = prepare(search, budget);
  let position = 0;
  let lastEnd = -1;
  while (position <= text.length) {
    const match = find(position);
    if (!match) break;
    const [start, end] = [match.start(), match.end()];
    const empty = start === end;
    if (!empty || start !== lastEnd) yield match;
    lastEnd = end;
    if (empty) position = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
    else position = end;
  }
}

function replaceAll(search: Search & { readonly replace: (match: Matcher) => string }, budget: Budget): string {
  const { text, replace } = search;
  const replaced = new TextBuilder(budget);
  let copied = 0;
  for (const match of matches(search, budget)) {
    replaced.add(text.slice(copied, match.start()));
    replaced.add(replace(match));
    copied = match.end();
  }
  replaced.add(text.slice(copied));
  return replaced.toString();
}

/** Go's templates of replacements: `$1`, `$name`, `${1}`, `${name}`, `$$`. A group that there is not is empty. */
function expand(template: string, match: Matcher): string {
  return template.replace(/\$(?:(\$)|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu, (...found) => {
    const [, dollar, name, braced] = found as (string | undefined)[];
    if (dollar !== undefined) return '$';
    return groupOf(match, name ?? braced ?? '');
  });
}

function groupOf(match: Matcher, name: string): string {
  const number = /^\d+$/.test(name) ? Number(name) : match.namedGroups[name];
  if (number === undefined || number > match.groupCount()) return '';
  return match.group(number) ?? '';
}
