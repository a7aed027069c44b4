import { Fault } from '../fault.ts';
import { checkDepth, compareTexts, type Dict, type Item, isKind, kindName, type List, typeName } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';

/** Go's comparisons. Numbers of the secret compare with whole numbers and fractions alike. */
export const comparisons: FunctionTable = {
  eq: defineVariadic({ parameters: ['any', 'any'], rest: 'any' }, ([first, ...others]) =>
    others.some((other) => isEqual(first, other)),
  ),
  ne: define(['any', 'any'], ([left, right]) => !isEqual(left, right)),
  lt: define(['any', 'any'], ([left, right]) => order(left, right) < 0),
  le: define(['any', 'any'], ([left, right]) => order(left, right) <= 0),
  gt: define(['any', 'any'], ([left, right]) => order(left, right) > 0),
  ge: define(['any', 'any'], ([left, right]) => order(left, right) >= 0),
};

/** Equal as Go's `eq` sees it. @throws Fault for types that do not compare */
function isEqual(left: Item, right: Item): boolean {
  if (left === null || right === null) return isNil(left) && isNil(right);
  const [one, other] = asNumbers(left, right) ?? [left, right];
  if (typeof one !== typeof other) throw incomparable(left, right);
  if (typeof one !== 'object') return one === other;
  if (kindName(left) !== kindName(right) || !isCollection(left)) throw incomparable(left, right);
  // Lists and maps are equal to nil alone.
  if (isNil(left) || isNil(right)) return isNil(left) === isNil(right);
  throw new Fault('lists and maps do not compare; compare what is in them');
}

function isCollection(value: Item): value is List | Dict {
  return isKind(value, 'list') || isKind(value, 'dict');
}

function isNil(value: Item): boolean {
  return value === null || (isCollection(value) && value.isNil);
}

/** Below zero, zero or above. @throws Fault for what has no order */
function order(left: Item, right: Item): number {
  const numbers = asNumbers(left, right);
  if (numbers) return numbers[0] < numbers[1] ? -1 : Number(numbers[0] > numbers[1]);
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right);
  throw incomparable(left, right);
}

/** Two numbers of one type; a number of the secret takes the other's. Null when one is no number. */
function asNumbers(left: Item, right: Item): [bigint, bigint] | [number, number] | null {
  if (isKind(left, 'int') && isKind(right, 'int')) return [left.value, right.value];
  if (isKind(left, 'float') && isKind(right, 'float')) return [left.value, right.value];
  if (isKind(left, 'int') && left.ofSecret && isKind(right, 'float')) return [Number(left.value), right.value];
  if (isKind(left, 'float') && isKind(right, 'int') && right.ofSecret) return [left.value, Number(right.value)];
  if (isKind(left, 'int') && isKind(right, 'float') && right.text !== null) return [Number(left.value), right.value];
  if (isKind(left, 'float') && left.text !== null && isKind(right, 'int')) return [left.value, Number(right.value)];
  return null;
}

function incomparable(left: Item, right: Item): Fault {
  return new Fault(
    `a ${typeName(left)} and a ${typeName(right)} do not compare: convert one, e.g. with toString or int`,
  );
}

/** Equal in everything, types included: Go's `reflect.DeepEqual`. Counts what it compares. @throws Fault */
export function isDeeplyEqual(
  left: Item,
  right: Item,
  options: { readonly count: (things: number) => void; readonly depth?: number },
): boolean {
  const { count, depth = 0 } = options;
  checkDepth(depth);
  count(typeof left === 'string' ? 1 + left.length / 16 : 1);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  if (left.kind === 'int') return right.kind === 'int' && left.type === right.type && left.value === right.value;
  if (left.kind === 'float') return right.kind === 'float' && left.value === right.value;
  if (typeName(left) !== typeName(right)) return false;
  const inner = { count, depth: depth + 1 };
  if (left.kind === 'list') {
    if (right.kind !== 'list' || left.isNil !== right.isNil || left.items.length !== right.items.length) return false;
    return left.items.every((item, index) => isDeeplyEqual(item, right.items[index] ?? null, inner));
  }
  if (right.kind !== 'dict' || left.isNil !== right.isNil || left.entries.size !== right.entries.size) return false;
  return [...left.entries].every(([key, item]) => {
    const other = right.entries.get(key);
    return other !== undefined && isDeeplyEqual(item, other, inner);
  });
}
