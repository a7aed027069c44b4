/** What stands between `%` and the verb, and the verb. */
export interface Directive {
  readonly flags: Flags;
  /** Characters to fill up to; null when not given. */
  readonly width: Size | null;
  readonly precision: Size | null;
  /** Null when the format ends before it. */
  readonly verb: string | null;
  /** Where the format goes on. */
  readonly end: number;
}

export interface Flags {
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
}

/** Given in the format, or `*`: by an argument. */
export type Size = number | 'argument';

/** Largest width and precision. */
export const maxSize = 1_000_000;

const shape = /([#0+\- ]*)(\*|\d*)(?:\.(?=[\s\S])(\*|\d*))?/y;

/** Reads the directive after a `%` at `start - 1`. */
export function readDirective(format: string, start: number): Directive {
  shape.lastIndex = start;
  const [whole = '', flags = '', width = '', precision] = shape.exec(format) ?? [];
  const at = start + whole.length;
  const verb = format.codePointAt(at);
  return {
    flags: {
      plus: flags.includes('+'),
      minus: flags.includes('-'),
      sharp: flags.includes('#'),
      space: flags.includes(' '),
      zero: flags.includes('0'),
    },
    width: width === '' ? null : sizeOf(width),
    precision: precision === undefined ? null : sizeOf(precision || '0'),
    verb: verb === undefined ? null : String.fromCodePoint(verb),
    end: verb === undefined ? at : at + String.fromCodePoint(verb).length,
  };
}

function sizeOf(text: string): Size {
  return text === '*' ? 'argument' : Number(text);
}
