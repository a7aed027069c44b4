import { type JsonValue, parseExactly } from '../../../../vault/json.ts';
import { type Budget, TextBuilder } from '../budget.ts';
import { checkDepth, fromJson, type Item, sortedEntries } from '../values.ts';

export interface JsonStyle {
  /** `<`, `>` and `&` as `\u003c`: what Go does unless told otherwise. */
  readonly escapeHtml: boolean;
  /** Two spaces for each level. */
  readonly pretty: boolean;
}

/** A value as JSON as Go's `encoding/json` writes it, keys in order; numbers of the secret keep every digit. @throws Fault */
export function toJson(value: Item, budget: Budget, style: Partial<JsonStyle> = {}): string {
  const text = new TextBuilder(budget);
  const place = { text, budget, escapeHtml: true, pretty: false, ...style, depth: 0 };
  addJson(value, place);
  return text.toString();
}

/** What a JSON text says; undefined when it is none. Numbers are those of a secret. @throws Fault */
export function readJson(text: string, budget: Budget): Item | undefined {
  // Parsing costs more than copying.
  budget.spendText(Math.min(text.length * 4, 1_000_000));
  let json: JsonValue;
  try {
    json = parseExactly(text) as JsonValue;
  } catch {
    return undefined;
  }
  return fromJson(json);
}

interface Place extends JsonStyle {
  readonly text: TextBuilder;
  readonly budget: Budget;
  readonly depth: number;
}

function addJson(value: Item, place: Place): void {
  const { text, budget, depth } = place;
  checkDepth(depth);
  budget.spend(1);
  if (value === null || typeof value === 'boolean') text.add(String(value));
  else if (typeof value === 'string') text.add(jsonText(value, place));
  else if (value.kind === 'int') text.add(String(value.value));
  else if (value.kind === 'float') text.add(value.text ?? JSON.stringify(value.value));
  else if (value.isNil) text.add('null');
  else if (value.kind === 'list') {
    addMembers(value.items, { ...place, brackets: '[]' }, (item, inner) => addJson(item, inner));
  } else {
    addMembers(sortedEntries(value, budget), { ...place, brackets: '{}' }, ([key, item], inner) => {
      text.add(`${jsonText(key, place)}:${place.pretty ? ' ' : ''}`);
      addJson(item, inner);
    });
  }
}

function addMembers<Member>(
  members: readonly Member[],
  place: Place & { readonly brackets: string },
  add: (member: Member, inner: Place) => void,
): void {
  const { text, pretty, depth, brackets } = place;
  const inner = { ...place, depth: depth + 1 };
  const lineBreak = (level: number) => (pretty && members.length > 0 ? `\n${'  '.repeat(level)}` : '');
  text.add(brackets.slice(0, 1));
  for (const [index, member] of members.entries()) {
    text.add((index > 0 ? ',' : '') + lineBreak(depth + 1));
    add(member, inner);
  }
  text.add(lineBreak(depth) + brackets.slice(1));
}

function jsonText(text: string, { escapeHtml }: JsonStyle): string {
  const escaped = JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  if (!escapeHtml) return escaped;
  return escaped.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
}
