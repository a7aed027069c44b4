/** Go's `strconv.Quote` and its relatives. */

const shortEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

export interface QuoteOptions {
  /** Escape everything that is not ASCII. */
  readonly ascii?: boolean;
}

/** A text as a Go literal in double quotes. */
export function quote(text: string, options: QuoteOptions = {}): string {
  return `"${escapeAll(text, '"', options)}"`;
}

/** A character as a Go literal in single quotes. */
export function quoteCharacter(character: string, options: QuoteOptions = {}): string {
  return `'${escapeAll(character, "'", options)}'`;
}

/** Whether a text can stand in back quotes as it is. */
export function canBackquote(text: string): boolean {
  return [...text].every((each) => each === '\t' || (each >= ' ' && !'\x7f`\ufeff'.includes(each)));
}

function escapeAll(text: string, mark: string, { ascii = false }: QuoteOptions): string {
  let escaped = '';
  for (const character of text) escaped += escapeCharacter(character, mark, ascii);
  return escaped;
}

function escapeCharacter(character: string, mark: string, ascii: boolean): string {
  if (character === mark) return `\\${mark}`;
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (ascii ? code >= 0x20 && code < 0x7f : isPrintable(character)) return character;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Letters, marks, numbers, punctuation, symbols and the ASCII space. */
function isPrintable(character: string): boolean {
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character);
}
