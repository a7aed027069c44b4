import { fixSpec } from '../errors.ts';

/**
 * How one store writes names that can be read back; `docs/reference/names-reversible.md` shows it to users.
 *
 * What a name has, in this order:
 * - a `plain` character stands for itself,
 * - a `short` one is a run of marks: one mark for the first of them, two for the second,
 * - anything else is a code: one mark more than the longest of those runs, and two hexadecimal digits for each byte of
 *   its UTF-8. Where the store ignores letter case, a code may also be `u` and letters, up to the next that is none:
 *   those are capitals; or `t` and one letter: that is a capital, and small ones follow.
 *
 * So the length of a run of marks says what it is. Two short characters side by side would make one run, so the first
 * of them is written as a code; a code right after a short character makes a run that is longer than both, and still
 * has only one reading. These names are for ever: a change of the rules here makes new copies everywhere.
 */
export interface Spelling {
  /** The store's name, for messages. */
  readonly store: string;
  /** The manifest's field that names a copy, for messages, e.g. `dest.azure.name`. */
  readonly field: string;
  /** Characters that the store takes. */
  readonly longest: number;
  /** One character that stands for itself; never the mark, and no capital where the store ignores letter case. */
  readonly plain: RegExp;
  readonly mark: '-' | '_' | '=';
  readonly short: string;
  readonly ignoresCase: boolean;
  /** A plain character that must not stand where this finds it in the finished name. */
  readonly misplaced?: RegExp;
}

/**
 * A name in the store from which the path it is made of can be read back, so two paths never meet.
 * @throws SyncError `FixSpec` when it gets too long, or when the path is not text
 */
export function escapeName(name: string, spelling: Spelling): string {
  const { store, field, longest } = spelling;
  if (!name.isWellFormed()) {
    const text = `the name ${JSON.stringify(name)} holds half a character (a lone UTF-16 surrogate), which cannot be read back: rename the secret in Vault, or name the copy in ${field}`;
    throw fixSpec('NameInvalid', text);
  }
  const escaped = write(name, spelling);
  if (escaped.length > longest) {
    const text = `the name ${JSON.stringify(shorten(name))} has ${escaped.length} characters once it is written reversibly, and ${store} takes ${longest} at most: use naming: Readable, or a shorter name (a template in ${field})`;
    throw fixSpec('NameTooLong', text);
  }
  return escaped;
}

/** What `escapeName` made this name of; null = it made no such name. */
export function unescapeName(escaped: string, spelling: Spelling): string | null {
  if (escaped === '' || escaped.length > spelling.longest) return null;
  const name = read(escaped, spelling);
  return name !== null && write(name, spelling) === escaped ? name : null;
}

/** A run of capitals up to a letter that is small, or else one character. */
const parts = /[A-Z]+(?![a-z])|./gsu;

function write(name: string, spelling: Spelling): string {
  const { plain, mark, short, ignoresCase, misplaced } = spelling;
  const written = name.replace(parts, (part, offset: number) => {
    const next = name.charAt(offset + part.length);
    if (ignoresCase && /^[A-Z]/.test(part)) {
      return `${codeMark(spelling)}${/[a-z]/.test(next) ? 't' : 'u'}${part.toLowerCase()}`;
    }
    if ([...part].every((character) => plain.test(character))) return part;
    const marks = short.indexOf(part) + 1;
    return marks > 0 && (next === '' || !short.includes(next)) ? mark.repeat(marks) : codeOf(part, spelling);
  });
  return misplaced ? written.replace(misplaced, (character) => codeOf(character, spelling)) : written;
}

function codeOf(text: string, spelling: Spelling): string {
  const bytes = [...Buffer.from(text)];
  return bytes.map((byte) => `${codeMark(spelling)}${byte.toString(16).padStart(2, '0')}`).join('');
}

function codeMark({ mark, short }: Spelling): string {
  return mark.repeat(short.length + 1);
}

/** Takes more than `write` makes; null = nobody can read it. */
function read(escaped: string, spelling: Spelling): string | null {
  const { mark } = spelling;
  let bytes = '';
  for (const [, marks = '', rest = ''] of escaped.matchAll(new RegExp(`(${mark}*)([^${mark}]*)`, 'g'))) {
    const text = readRun(marks.length, rest, spelling);
    if (text === null) return null;
    bytes += text;
  }
  return Buffer.from(bytes, 'latin1').toString();
}

const code = /^(?:([0-9a-f]{2})|u([a-z]+)|t([a-z]))/;

/** So many marks and what stands after them, as bytes. */
function readRun(marks: number, rest: string, { short }: Spelling): string | null {
  if (marks === 0) return rest;
  const shortMarks = marks > short.length ? marks - short.length - 1 : marks;
  if (shortMarks > short.length) return null;
  const before = short.charAt(shortMarks - 1);
  if (shortMarks === marks) return before + rest;
  const [all, hex, capitals, capital] = code.exec(rest) ?? [];
  if (all === undefined) return null;
  const meant = hex === undefined ? (capitals ?? capital ?? '').toUpperCase() : String.fromCharCode(parseInt(hex, 16));
  return before + meant + rest.slice(all.length);
}

function shorten(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}
