import { type Budget, TextBuilder } from '../budget.ts';
import { Fault } from '../fault.ts';
import { checkDepth, type Float, type Int, type Item, isKind, sortedEntries, typeName } from '../values.ts';
import { type Flags, maxSize, readDirective, type Size } from './directive.ts';
import { type FloatVerb, formatFloat } from './numbers.ts';
import { textOf, textOfFloat } from './print.ts';
import { canBackquote, quote, quoteCharacter } from './quote.ts';

/** What one verb has to heed. */
interface Shape {
  readonly verb: string;
  readonly flags: Flags;
  readonly width: number;
  readonly precision: number | null;
}

/**
 * Go's `Sprintf`, but for `%p`, `%U`, `%#v`, argument indexes, and floats in `%b`, `%x` and `%#`.
 * @throws Fault for those, and when it becomes too much
 */
export function formatAll(format: string, args: readonly Item[], budget: Budget): string {
  return new Printer(budget).format(format, args);
}

class Printer {
  readonly #budget: Budget;
  readonly #text: TextBuilder;
  #used = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#text = new TextBuilder(budget);
  }

  format(format: string, args: readonly Item[]): string {
    let position = 0;
    for (;;) {
      const percent = format.indexOf('%', position);
      this.#text.add(format.slice(position, percent < 0 ? undefined : percent));
      if (percent < 0) break;
      const { end, verb, flags, ...sizes } = readDirective(format, percent + 1);
      position = end;
      const width = this.#resolve(sizes.width, { args, least: -maxSize, complaint: '%!(BADWIDTH)' });
      const precision = this.#resolve(sizes.precision, { args, least: 0, complaint: '%!(BADPREC)' });
      if (verb === null) this.#text.add('%!(NOVERB)');
      else if (verb === '%') this.#text.add('%');
      else if (this.#used >= args.length) this.#text.add(`%!${refuse(verb, flags)}(MISSING)`);
      else {
        this.#addArgument(args[this.#used++] ?? null, {
          verb: refuse(verb, flags),
          flags: {
            ...flags,
            // With %v a plus asks for the names of fields, which nothing here has.
            plus: flags.plus && verb !== 'v',
            // A negative width fills up on the right, which no zeros do.
            minus: flags.minus || (width !== null && width < 0),
            zero: flags.zero && (width === null || width >= 0),
          },
          width: Math.abs(width ?? 0),
          precision,
        });
      }
    }
    this.#addExtra(args.slice(this.#used));
    return this.#text.toString();
  }

  /** A width or a precision, of the format or of the next argument. */
  #resolve(
    size: Size | null,
    { args, least, complaint }: { args: readonly Item[]; least: number; complaint: string },
  ): number | null {
    if (size === null) return null;
    if (size !== 'argument') {
      if (size > maxSize) throw new Fault(`printf fills up to at most ${maxSize} characters`);
      return size;
    }
    const given = args[this.#used];
    if (this.#used < args.length) this.#used++;
    if (given !== undefined && isKind(given, 'int') && given.value <= maxSize && given.value >= least) {
      return Number(given.value);
    }
    this.#text.add(complaint);
    return null;
  }

  #addExtra(extra: readonly Item[]): void {
    if (extra.length === 0) return;
    const shown = extra.map((value) =>
      value === null ? '<nil>' : `${typeName(value)}=${textOf(value, this.#budget)}`,
    );
    this.#text.add(`%!(EXTRA ${shown.join(', ')})`);
  }

  #addArgument(value: Item, shape: Shape): void {
    if (value !== null && shape.verb === 'T') this.#addText(typeName(value), shape);
    else if (value !== null) this.#addValue(value, shape, 0);
    else if ('vT'.includes(shape.verb)) this.#addPadded('<nil>', shape);
    else this.#text.add(`%!${shape.verb}(<nil>)`);
  }

  #addValue(value: Item, shape: Shape, depth: number): void {
    checkDepth(depth);
    this.#budget.spend(1);
    if (value === null) this.#text.add('<nil>');
    else if (typeof value === 'string') this.#addString(value, shape);
    else if (typeof value === 'boolean') {
      if ('tv'.includes(shape.verb)) this.#addPadded(String(value), shape);
      else this.#addBadVerb(value, shape);
    } else if (value.kind === 'int') this.#addInt(value, shape);
    else if (value.kind === 'float') this.#addFloat(value, shape);
    else if (value.kind === 'list') {
      this.#text.add('[');
      for (const [index, item] of value.items.entries()) {
        if (index > 0) this.#text.add(' ');
        this.#addValue(item, shape, depth + 1);
      }
      this.#text.add(']');
    } else {
      this.#text.add('map[');
      for (const [index, [key, item]] of sortedEntries(value, this.#budget).entries()) {
        if (index > 0) this.#text.add(' ');
        this.#addValue(key, shape, depth + 1);
        this.#text.add(':');
        this.#addValue(item, shape, depth + 1);
      }
      this.#text.add(']');
    }
  }

  #addBadVerb(value: Item, shape: Shape): void {
    this.#text.add(`%!${shape.verb}(${typeName(value)}=`);
    this.#addValue(value, { ...shape, verb: 'v' }, 0);
    this.#text.add(')');
  }

  #addString(value: string, shape: Shape): void {
    const { flags } = shape;
    this.#budget.spendText(value.length);
    switch (shape.verb) {
      case 'v':
      case 's':
        this.#addText(value, shape);
        break;
      case 'q': {
        const text = cut(value, shape);
        const raw = flags.sharp && canBackquote(text);
        this.#addPadded(raw ? `\`${text}\`` : quote(text, { ascii: flags.plus }), shape);
        break;
      }
      case 'x':
      case 'X':
        this.#addPadded(hexOf(value, shape), shape);
        break;
      default:
        this.#addBadVerb(value, shape);
    }
  }

  #addInt(value: Int, shape: Shape): void {
    const base = bases[shape.verb];
    if (base !== undefined) this.#addPadded(digitsOf(value.value, base, shape), shape, ' ');
    else if (shape.verb === 'c') this.#addPadded(characterOf(value.value), shape);
    else if (shape.verb === 'q') {
      this.#addPadded(quoteCharacter(characterOf(value.value), { ascii: shape.flags.plus }), shape);
    } else if (value.ofSecret && floatVerbs.includes(shape.verb)) {
      this.#addFloat({ kind: 'float', value: Number(value.value), text: null }, shape);
    } else this.#addBadVerb(value, shape);
  }

  #addFloat(float: Float, shape: Shape): void {
    const { verb, flags, width, precision } = shape;
    if ('bxX'.includes(verb)) throw new Fault(`printf: %${verb} for fractions is left out`);
    if (verb !== 'v' && !floatVerbs.includes(verb)) {
      this.#addBadVerb(float, shape);
      return;
    }
    if (flags.sharp) throw new Fault('printf: the flag # for fractions is left out');
    const text = floatText(float, verb, precision);
    const negative = text.startsWith('-');
    const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
    const digits = negative ? text.slice(1) : text;
    const zeros = flags.zero && !flags.minus ? '0'.repeat(Math.max(width - sign.length - digits.length, 0)) : '';
    this.#addPadded(sign + zeros + digits, shape);
  }

  #addText(value: string, shape: Shape): void {
    this.#addPadded(cut(value, shape), shape);
  }

  #addPadded(text: string, { flags, width }: Shape, fill?: ' '): void {
    const length = width === 0 ? 0 : [...text].length;
    const filler = flags.zero && !flags.minus ? (fill ?? '0') : ' ';
    const padding = filler.repeat(Math.max(width - length, 0));
    this.#text.add(flags.minus ? text + padding : padding + text);
  }
}

const floatVerbs = ['e', 'E', 'f', 'F', 'g', 'G'];
const bases: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

/** @returns the verb, unless it is one that is left out */
function refuse(verb: string, flags: Flags): string {
  if ('pUw['.includes(verb)) throw new Fault(`printf: %${verb} is left out`);
  if (verb === 'v' && flags.sharp) throw new Fault('printf: %#v is left out; toJson writes a value out');
  return verb;
}

function floatText(float: Float, verb: string, precision: number | null): string {
  if (verb === 'v' && precision === null) return textOfFloat(float);
  const places = precision ?? ('gGv'.includes(verb) ? null : 6);
  if (places !== null && places > 1_000) throw new Fault('printf writes a fraction with at most 1000 places');
  return formatFloat(float.value, (verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb) as FloatVerb, places);
}

function cut(text: string, { precision }: Shape): string {
  return precision === null ? text : [...text].slice(0, precision).join('');
}

function characterOf(code: bigint): string {
  const valid = code >= 0n && code <= 0x10ffffn && !(code >= 0xd800n && code < 0xe000n);
  return valid ? String.fromCodePoint(Number(code)) : '\ufffd';
}

function hexOf(text: string, { verb, flags, precision }: Shape): string {
  const bytes = Buffer.from(text).subarray(0, precision ?? undefined);
  if (bytes.length === 0) return '';
  const pairs = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  const prefix = flags.sharp ? '0x' : '';
  const hex = flags.space ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
  return verb === 'X' ? hex.toUpperCase() : hex;
}

/** An integer with its sign, its prefix, and the zeros that a precision or the flag 0 ask for. */
function digitsOf(value: bigint, base: number, { verb, flags, width, precision }: Shape): string {
  if (precision === 0 && value === 0n) return '';
  const negative = value < 0n;
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const zeroWidth = flags.zero && !flags.minus ? width - sign.length : 0;
  const digits = (negative ? -value : value).toString(base).padStart(precision ?? zeroWidth, '0');
  let prefix = '';
  if (flags.sharp) prefix = { 2: '0b', 8: digits.startsWith('0') ? '' : '0', 16: '0x' }[base] ?? '';
  if (verb === 'O') prefix = `0o${prefix}`;
  return sign + (verb === 'X' ? (prefix + digits).toUpperCase() : prefix + digits);
}
