import { isRawNumber, type JsonValue } from '../../../vault/json.ts';
import type { Budget } from './budget.ts';
import { Fault } from './fault.ts';
import { limits } from './limits.ts';

/**
 * What templates compute with: Go's values, as far as templates of secrets can have them.
 *
 * - An `Item` may stand in a list or a map; `null` is Go's nil.
 * - `missing` is what a key that does not exist yields: it prints as `<no value>`, and only a pipeline can hold it.
 * - Texts are JavaScript strings without lone surrogates; wherever Go counts bytes, so do we.
 */
export type Item = null | boolean | string | Int | Float | List | Dict;
export type Value = Item | typeof missing;

export const missing = Symbol('no value');

export interface Int {
  readonly kind: 'int';
  readonly value: bigint;
  readonly type: 'int' | 'int64' | 'uint8';
  /** A number of the secret may also stand where Go wants a float. */
  readonly ofSecret: boolean;
}

export interface Float {
  readonly kind: 'float';
  readonly value: number;
  /** How the secret writes it: numbers of the secret keep every digit. */
  readonly text: string | null;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Item[];
  readonly type: '[]interface {}' | '[]string' | '[]int';
  /** Go's nil slice: it differs from an empty one in JSON alone. */
  readonly isNil: boolean;
}

export interface Dict {
  readonly kind: 'dict';
  readonly entries: Map<string, Item>;
  readonly type: 'map[string]interface {}' | 'map[string]string';
  readonly isNil: boolean;
}

const smallestInt = -(2n ** 63n);
const largestInt = 2n ** 63n - 1n;

/** An `int`, or another integer type of Go's; what does not fit wraps around as it does there. */
export function int(value: bigint | number, type: Int['type'] = 'int'): Int {
  return { kind: 'int', value: BigInt.asIntN(64, BigInt(value)), type, ofSecret: false };
}

export function float(value: number): Float {
  return { kind: 'float', value, text: null };
}

export function list(items: readonly Item[], type: List['type'] = '[]interface {}'): List {
  return { kind: 'list', items, type, isNil: false };
}

export function dict(entries: Iterable<readonly [string, Item]>, type: Dict['type'] = 'map[string]interface {}'): Dict {
  return { kind: 'dict', entries: new Map(entries), type, isNil: false };
}

export const nilList: List = { kind: 'list', items: [], type: '[]interface {}', isNil: true };

export function isKind<Kind extends 'int' | 'float' | 'list' | 'dict'>(
  value: Value,
  kind: Kind,
): value is Extract<Item, { kind: Kind }> {
  return typeof value === 'object' && value !== null && value.kind === kind;
}

/** The values of a secret, as templates see them. @throws Fault when they nest too deep */
export function fromJson(json: JsonValue, depth = 0): Item {
  if (depth > limits.valueDepth) throw tooDeep();
  if (json === null || typeof json === 'boolean') return json;
  if (typeof json === 'string') return json.toWellFormed();
  if (typeof json === 'number') return numberOfSecret(String(json));
  if (Array.isArray(json)) return list(json.map((element) => fromJson(element, depth + 1)));
  if (isRawNumber(json)) return numberOfSecret(json.rawJSON);
  return dict(Object.entries(json).map(([key, value]) => [key.toWellFormed(), fromJson(value, depth + 1)]));
}

/** A whole number that Go's `int` can hold is one; every other number is a float that remembers its text. */
function numberOfSecret(text: string): Int | Float {
  if (/^-?\d+$/.test(text) && text !== '-0') {
    const value = BigInt(text);
    if (value >= smallestInt && value <= largestInt) return { kind: 'int', value, type: 'int', ofSecret: true };
  }
  return { kind: 'float', value: Number(text), text };
}

/** @throws Fault below `limits.valueDepth`, which a map that holds itself goes beyond as well */
export function checkDepth(depth: number): void {
  if (depth > limits.valueDepth) throw tooDeep();
}

function tooDeep(): Fault {
  return new Fault(`lists and maps are nested more than ${limits.valueDepth} deep`);
}

/** Go's name of a value's type, e.g. `map[string]interface {}`. */
export function typeName(value: Item): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return value.kind === 'float' ? 'float64' : value.type;
}

/** Go's name of the kind of a value's type, e.g. `map`. */
export function kindName(value: Item): string {
  if (isKind(value, 'list')) return 'slice';
  if (isKind(value, 'dict')) return 'map';
  return value === null ? 'invalid' : typeName(value);
}

/** Go's idea of truth: not zero, not empty, not nil. */
export function isTrue(value: Value): boolean {
  if (value === null || value === missing) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '';
  switch (value.kind) {
    case 'int':
      return value.value !== 0n;
    case 'float':
      return value.value !== 0;
    case 'list':
      return value.items.length > 0;
    case 'dict':
      return value.entries.size > 0;
    default: {
      const never: never = value;
      return never;
    }
  }
}

/** Orders texts by their bytes in UTF-8, as Go does. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** The entries of a map in the order in which Go prints them and walks through them. */
export function sortedEntries({ entries }: Dict, budget: Budget): [string, Item][] {
  budget.spend(entries.size * 4);
  for (const key of entries.keys()) budget.spendText(key.length);
  return [...entries].sort(([left], [right]) => compareTexts(left, right));
}
