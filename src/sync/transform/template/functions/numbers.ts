import { Fault } from '../fault.ts';
import { trimSpace } from '../space.ts';
import { type Item, int, isKind, typeName } from '../values.ts';
import { define, defineVariadic, type FunctionTable } from './define.ts';

/** Whole numbers: the ancestor's strict `int`, and Sprig's arithmetic, which takes for 0 what is no number. */
export const numbers: FunctionTable = {
  int: define(['any'], ([value]) => int(strictly(value))),
  int64: define(['any'], ([value]) => int64(loosely(value))),
  atoi: define(['string'], ([text]) => int(/^[+-]?\d+$/.test(text) ? nearest64(bigIntOf(text)) : 0n)),
  add: defineVariadic({ parameters: [], rest: 'any' }, (values) =>
    int64(values.reduce<bigint>((sum, value) => sum + loosely(value), 0n)),
  ),
  add1: define(['any'], ([value]) => int64(loosely(value) + 1n)),
  sub: define(['any', 'any'], ([left, right]) => int64(loosely(left) - loosely(right))),
  mul: defineVariadic({ parameters: ['any'], rest: 'any' }, (values) =>
    int64(values.reduce<bigint>((product, value) => BigInt.asIntN(64, product * loosely(value)), 1n)),
  ),
  div: define(['any', 'any'], ([left, right]) => int64(loosely(left) / divisor(right))),
  mod: define(['any', 'any'], ([left, right]) => int64(loosely(left) % divisor(right))),
  max: defineVariadic({ parameters: ['any'], rest: 'any' }, (values) => int64(ascending(values).at(-1) ?? 0n)),
  min: defineVariadic({ parameters: ['any'], rest: 'any' }, (values) => int64(ascending(values)[0] ?? 0n)),
};

function int64(value: bigint): Item {
  return int(value, 'int64');
}

function divisor(value: Item): bigint {
  const by = loosely(value);
  if (by === 0n) throw new Fault('this divides by zero, or by something that is no number');
  return by;
}

function ascending(values: readonly Item[]): bigint[] {
  return values.map(loosely).sort((left, right) => (left < right ? -1 : 1));
}

/** A decimal number. Of one that is far too large only that much is worth knowing: reading its digits takes long. */
function bigIntOf(text: string): bigint {
  const significant = text.replace(/^[+-]?0*/, '');
  if (significant.length <= 20) return BigInt(text);
  return text.startsWith('-') ? -(2n ** 64n) : 2n ** 64n;
}

function nearest64(value: bigint): bigint {
  return within64(value) ?? (value < 0n ? -(2n ** 63n) : 2n ** 63n - 1n);
}

function within64(value: bigint): bigint | null {
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : null;
}

/** A whole number, or a text of one. @throws Fault for everything else, fractions included */
function strictly(value: Item): bigint {
  if (isKind(value, 'int')) return value.value;
  if (isKind(value, 'float')) return wholeOf(value.value);
  if (typeof value !== 'string')
    throw new Fault(`int cannot make a number of ${value === null ? 'nothing' : `a ${typeName(value)}`}`);
  const text = trimSpace(value);
  if (/^[+-]?\d+$/.test(text)) {
    const exact = within64(bigIntOf(text));
    if (exact !== null) return exact;
  }
  if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return wholeOf(Number(text));
  throw new Fault('int is given a text that is no number');
}

function wholeOf(float: number): bigint {
  if (!Number.isInteger(float)) throw new Fault('int is given a number that is not whole');
  const whole = within64(BigInt(float));
  if (whole === null) throw new Fault('int is given a number that does not fit into 64 bits');
  return whole;
}

/** Whatever looks like a number; 0 for the rest. */
function loosely(value: Item): bigint {
  if (isKind(value, 'int')) return value.value;
  if (isKind(value, 'float')) return towardsZero(value.value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'string' ? looseText(value) : 0n;
}

function towardsZero(float: number): bigint {
  // What does not fit becomes the smallest number, as on the machines that Go runs on.
  return Number.isFinite(float) ? (within64(BigInt(Math.trunc(float))) ?? -(2n ** 63n)) : -(2n ** 63n);
}

const integer = /^([+-]?)(0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/;

/** A Go integer of any base; zeros after a point do no harm. */
function looseText(text: string): bigint {
  // No number that fits is as long, unless it is zeros for the most part.
  if (text.length > 1_000) return 0n;
  const found = integer.exec(text.replace(/\.0+$/, ''));
  if (!found) return 0n;
  const [, sign, size = ''] = found;
  const digits = size.replaceAll('_', '');
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return within64(sign === '-' ? -value : value) ?? 0n;
}
