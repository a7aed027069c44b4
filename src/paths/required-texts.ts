/**
 * What every match of an RE2 pattern must hold, told from its text without matching: each list is a choice, of which
 * every match holds one. A list with '' in it tells nothing. It may tell less than there is, never more.
 */
export interface RequiredTexts {
  /** Every match is one of these; null when they are too many, or without number. */
  readonly whole: readonly string[] | null;
  /** Every match begins with one of these. */
  readonly heads: readonly string[];
  /** Every match ends with one of these. */
  readonly tails: readonly string[];
  /** Every match holds one of each of these lists. */
  readonly inner: readonly (readonly string[])[];
}

/** Texts of one list, and lists of one pattern. What goes beyond is forgotten. */
const maxTexts = 32;
const maxLists = 8;

const unknown: RequiredTexts = { whole: null, heads: [''], tails: [''], inner: [] };
const empty: RequiredTexts = only('');

/** Tells the texts that every match of a pattern holds. Of what is no RE2 it tells what cannot be wrong. */
export function requiredTexts(pattern: string): RequiredTexts {
  const tokens = tokensOf(pattern);
  const reading = { tokens, at: 0 };
  let before = empty;
  try {
    const texts = readAlternatives(reading, (part) => {
      before = part;
    });
    return reading.at < tokens.length ? unknown : texts;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    // What came before the part that was not understood still stands, unless there are alternatives to it.
    return tokens.includes('|') ? unknown : inOrder(before, unknown);
  }
}

/** Cuts a pattern as RE2 reads it: brackets and their kind, classes, escapes, repeats, and characters. */
export function tokensOf(pattern: string): string[] {
  return pattern.match(token) ?? [];
}

const token = new RegExp(
  [
    String.raw`\(\?[a-zA-Z-]*\)`, // (?s)
    String.raw`\((?:\?P?<\w+>|\?[a-zA-Z-]*:)?`, // ( (?: (?i: (?P<name>
    String.raw`\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]`,
    String.raw`\\(?:[pP](?:\{\^?\w+\}|\w)|x(?:\{\w+\}|\w\w)|[0-7]{1,3}|[\s\S])`,
    String.raw`(?:[*+?]|\{(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*)?)?\})\??`,
    String.raw`[^()[\]{}|\\^$.*+?]+(?![*+?{]|\(\?|\\Q)`, // characters that are themselves, the last not repeated
    String.raw`[\s\S]`,
  ].join('|'),
  'gu',
);
const repeat = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??$/;
const anyOne = /^(?:\.|\[[\s\S]+|\\(?:[pPx][\s\S]+|[0-7]+|[dDsSwWnrtfva]))$/;
const flags = /^\(\?[a-zA-Z-]*\)$/;
const nothing = /^(?:\^|\$|\\[AzbB]|\(\?[a-hj-zA-Z-]*\))$/;

interface Reading {
  readonly tokens: readonly string[];
  at: number;
}

/** A part that is not understood, such as `\Q` and letters of either case. */
class Unreadable extends Error {}

function readAlternatives(reading: Reading, onPart?: (texts: RequiredTexts) => void): RequiredTexts {
  let texts = readSequence(reading, onPart);
  while (reading.tokens[reading.at] === '|') {
    reading.at += 1;
    texts = either(texts, readSequence(reading, onPart));
  }
  return texts;
}

function readSequence(reading: Reading, onPart?: (texts: RequiredTexts) => void): RequiredTexts {
  let texts = empty;
  for (;;) {
    const next = reading.tokens[reading.at];
    if (next === undefined || next === '|' || next === ')') return texts;
    texts = inOrder(texts, readRepeats(reading, readAtom(reading)));
    onPart?.(texts);
  }
}

function readAtom(reading: Reading): RequiredTexts {
  const atom = reading.tokens[reading.at] ?? '';
  reading.at += 1;
  if (nothing.test(atom)) return empty;
  if (anyOne.test(atom)) return unknown;
  if (/^\((?:\?P?<|\?[a-hj-zA-Z-]*:|$)/.test(atom)) {
    const texts = readAlternatives(reading);
    if (reading.tokens[reading.at] !== ')') throw new Unreadable();
    reading.at += 1;
    return texts;
  }
  if (/^\\[^a-zA-Z0-9]$/u.test(atom)) return only(atom.slice(1));
  if (repeat.test(atom) || /^[(\\[]/.test(atom)) throw new Unreadable();
  return only(atom);
}

function readRepeats(reading: Reading, texts: RequiredTexts): RequiredTexts {
  let repeated = texts;
  for (;;) {
    // RE2 repeats what stands before flags, and before nothing between `\Q` and `\E`: `a(?s)*` is `a*`.
    let at = reading.at;
    while (flags.test(reading.tokens[at] ?? '')) at += 1;
    if (reading.tokens[at] === '\\Q') throw new Unreadable();
    const found = repeat.exec(reading.tokens[at] ?? '');
    if (!found) return repeated;
    if (reading.tokens.slice(reading.at, at).some((between) => !nothing.test(between))) throw new Unreadable();
    reading.at = at + 1;
    repeated = repeatedAs(found, repeated);
  }
}

function repeatedAs(found: RegExpExecArray, texts: RequiredTexts): RequiredTexts {
  const [sign = '', least = '', comma = '', most = ''] = found;
  if (sign.startsWith('?') || (least === '0' && most === '1')) return either(texts, empty);
  if (sign.startsWith('*') || least === '0') return unknown;
  if (least === '1' && (comma === '' || most === '1')) return texts;
  return { ...texts, whole: null };
}

function only(text: string): RequiredTexts {
  return { whole: [text], heads: [text], tails: [text], inner: [] };
}

/** The one, then the other. */
function inOrder(one: RequiredTexts, other: RequiredTexts): RequiredTexts {
  const whole = one.whole && other.whole && joined(one.whole, other.whole);
  const tails = other.whole && joined(one.tails, other.whole);
  const inner = [...one.inner, ...other.inner];
  // Where a run of text ends that neither begins nor ends the match, it would be forgotten.
  if (!one.whole && !other.whole) inner.push(joined(one.tails, other.heads) ?? one.tails);
  if (!one.whole && other.whole && !tails) inner.push(one.tails);
  return {
    whole,
    heads: whole ?? (one.whole && joined(one.whole, other.heads)) ?? one.heads,
    tails: whole ?? tails ?? other.tails,
    inner: kept(inner),
  };
}

function either(one: RequiredTexts, other: RequiredTexts): RequiredTexts {
  const whole = one.whole && other.whole && united(one.whole, other.whole);
  if (whole) return { whole, heads: whole, tails: whole, inner: [] };
  return {
    whole: null,
    heads: anyOf(one.heads, other.heads),
    tails: anyOf(one.tails, other.tails),
    inner: kept([anyOf(best(one), best(other))]),
  };
}

/** Every text of the one before every text of the other; null when they are too many. */
function joined(ones: readonly string[], others: readonly string[]): readonly string[] | null {
  if (ones.length * others.length > maxTexts) return null;
  return ones.flatMap((one) => others.map((other) => one + other));
}

function united(ones: readonly string[], others: readonly string[]): readonly string[] | null {
  const texts = [...new Set([...ones, ...others])];
  return texts.length > maxTexts ? null : texts;
}

/** Both lists in one; what tells nothing is as short as can be. */
function anyOf(ones: readonly string[], others: readonly string[]): readonly string[] {
  const texts = united(ones, others);
  return texts && !texts.includes('') ? texts : [''];
}

/** The list that tells most. */
function best({ whole, heads, tails, inner }: RequiredTexts): readonly string[] {
  return kept(whole ? [whole] : [heads, tails, ...inner])[0] ?? [''];
}

/** The lists that tell something, those with the longest texts first. */
function kept(lists: readonly (readonly string[])[]): (readonly string[])[] {
  return lists
    .filter((texts) => shortest(texts) > 0)
    .sort((one, other) => shortest(other) - shortest(one))
    .slice(0, maxLists);
}

function shortest(texts: readonly string[]): number {
  return Math.min(...texts.map(({ length }) => length));
}
