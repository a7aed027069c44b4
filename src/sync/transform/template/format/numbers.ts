/** Go's `strconv`: floats in decimal, exactly rounded. */

/** The verbs that floats have here. */
export type FloatVerb = 'e' | 'E' | 'f' | 'g' | 'G';

interface Digits {
  /** Without zeros at the end; empty for zero. */
  readonly digits: string;
  /** The value is `0.digits` times ten to this power. */
  readonly point: number;
}

/**
 * A finite float as Go prints it with that verb. `precision` null means as many digits as tell the value apart from
 * its neighbours.
 */
export function formatFloat(value: number, verb: FloatVerb, precision: number | null): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  switch (verb) {
    case 'e':
    case 'E': {
      const digits = precision === null ? shortest(size) : rounded(size, precision + 1);
      return sign + withExponent(digits, precision ?? Math.max(digits.digits.length - 1, 0), verb);
    }
    case 'f': {
      if (precision !== null) return sign + fixed(size, precision);
      const digits = shortest(size);
      return sign + fixed(size, Math.max(digits.digits.length - digits.point, 0));
    }
    case 'g':
    case 'G':
      return sign + general(size, verb, precision);
    default: {
      const never: never = verb;
      return never;
    }
  }
}

function general(size: number, verb: 'g' | 'G', precision: number | null): string {
  const digits = precision === null ? shortest(size) : rounded(size, precision || 1);
  const { length } = digits.digits;
  // Where the digits end before the point does, a shorter precision already asks for an exponent.
  let limit = precision === null ? 6 : precision || 1;
  if (precision !== null && limit > length && length >= digits.point) limit = length;
  const exponent = length === 0 ? 0 : digits.point - 1;
  if (length === 0 && precision !== null) return '0';
  if (exponent < -4 || exponent >= limit)
    return withExponent(digits, Math.max(length - 1, 0), verb === 'g' ? 'e' : 'E');
  return plain(digits);
}

/** The fewest digits that only this float has. */
function shortest(size: number): Digits {
  if (size === 0) return { digits: '', point: 0 };
  const [mantissa = '', exponent = '0'] = size.toExponential().split('e');
  return { digits: mantissa.replace('.', '').replace(/0+$/, ''), point: Number(exponent) + 1 };
}

/** That many digits, rounded half to even on the exact value. */
function rounded(size: number, count: number): Digits {
  if (size === 0) return { digits: '', point: 0 };
  let exponent = Number(size.toExponential().split('e')[1]);
  for (;;) {
    const digits = scaled(size, count - 1 - exponent).toString();
    // The shortest digits may belong to the next power of ten, and so may what rounding yields.
    if (digits.length < count) exponent--;
    else if (digits.length > count && !/^10*$/.test(digits)) exponent++;
    else {
      const carried = digits.length > count ? 1 : 0;
      return { digits: digits.replace(/0+$/, ''), point: exponent + 1 + carried };
    }
  }
}

/** `size` times ten to the power of `places`, rounded half to even. */
function scaled(size: number, places: number): bigint {
  const { numerator, denominator } = exactly(size);
  const top = places >= 0 ? numerator * 10n ** BigInt(places) : numerator;
  const bottom = places >= 0 ? denominator : denominator * 10n ** BigInt(-places);
  const quotient = top / bottom;
  const twice = 2n * (top % bottom);
  const up = twice > bottom || (twice === bottom && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/** A float is a whole number times a power of two. */
function exactly(size: number): { numerator: bigint; denominator: bigint } {
  let mantissa = size;
  let power = 0;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    power++;
  }
  return { numerator: BigInt(mantissa), denominator: 2n ** BigInt(power) };
}

function fixed(size: number, places: number): string {
  const digits = scaled(size, places)
    .toString()
    .padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function plain({ digits, point }: Digits): string {
  if (digits === '') return '0';
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return digits.padEnd(point, '0');
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

function withExponent({ digits, point }: Digits, places: number, letter: 'e' | 'E'): string {
  const all = digits.padEnd(places + 1, '0');
  const exponent = digits === '' ? 0 : point - 1;
  const power = String(Math.abs(exponent)).padStart(2, '0');
  return `${all[0]}${places > 0 ? `.${all.slice(1)}` : ''}${letter}${exponent < 0 ? '-' : '+'}${power}`;
}
