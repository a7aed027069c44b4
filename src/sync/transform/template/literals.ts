import { Fault } from './fault.ts';
import type { NumberOperand } from './nodes.ts';

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** The text that a Go literal in double quotes or back quotes stands for. @throws Fault for escapes that Go does not have */
export function unquote(literal: string, offset: number): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) return inner.replaceAll('\r', '');
  return resolveEscapes(inner, { quote: '"', offset: offset + 1 });
}

/** The code point that a Go literal in single quotes stands for. @throws Fault */
export function unquoteCharacter(literal: string, offset: number): number {
  const [character, ...others] = [...resolveEscapes(literal.slice(1, -1), { quote: "'", offset: offset + 1 })];
  if (character === undefined || others.length > 0) throw new Fault("between '' stands exactly one character", offset);
  return character.codePointAt(0) ?? 0;
}

function resolveEscapes(inner: string, { quote, offset }: { readonly quote: string; readonly offset: number }): string {
  const escapes = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.)|$)/gsu;
  return inner.replace(escapes, (...match) => {
    const [whole, hex, short, long, octal, simple, at] = match as [string, ...(string | undefined)[]];
    const where = offset + Number(at);
    if (simple !== undefined) {
      const meant = simple === quote ? quote : simpleEscapes[simple];
      if (meant === undefined) throw new Fault(`Go has no escape ${whole}; a backslash itself is written \\\\`, where);
      return meant;
    }
    const byte = hex ?? octal;
    const code = Number.parseInt(byte ?? short ?? long ?? '', octal === undefined ? 16 : 8);
    if (byte !== undefined && code > 0x7f) {
      throw new Fault(`${whole} is a byte, not a character: write the character itself or \\u00e9`, where);
    }
    if (!(code <= 0x10ffff) || (code >= 0xd800 && code < 0xe000)) {
      throw new Fault(`${whole} is not a Unicode character`, where);
    }
    return String.fromCodePoint(code);
  });
}

const decimal = '(?:0|[1-9](?:_?\\d)*)';
const integer = new RegExp(
  `^[+-]?(?:${decimal}|0[xX](?:_?[\\da-fA-F])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])+|0[bB](?:_?[01])+)$`,
);
const decimalFloat = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Reads a number as Go's templates do. @throws Fault for what is none, and for what Go's types cannot hold */
export function parseNumber(text: string, offset: number): NumberOperand {
  if (integer.test(text)) {
    const int = toBigInt(text);
    if (int < -(2n ** 63n) || int >= 2n ** 63n) throw new Fault('this number does not fit into 64 bits', offset);
    return { kind: 'number', offset, int, float: Number(int), isFloat: false };
  }
  if (decimalFloat.test(text) && /[.eE]/.test(text)) {
    const float = Number(text);
    if (!Number.isFinite(float)) throw new Fault('this number is too large', offset);
    const fits = Number.isInteger(float) && float >= -(2 ** 63) && float < 2 ** 63;
    return { kind: 'number', offset, int: fits ? BigInt(float) : null, float, isFloat: true };
  }
  throw new Fault('this is not a number that templates know: write 42, -1, 0x2a, 1.5 or 1e3', offset);
}

function toBigInt(text: string): bigint {
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith('-') ? -value : value;
}
