import { Fault } from './fault.ts';
import { spaceAfter } from './space.ts';

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'keyword'
  | 'identifier'
  | 'boolean'
  | 'nil'
  | 'dot'
  | 'field'
  | 'variable'
  | 'number'
  | 'character'
  | 'string'
  | 'rawString'
  | 'declare'
  | 'assign'
  | 'pipe'
  | 'comma'
  | 'leftParen'
  | 'rightParen'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly offset: number;
  /** As written; a field with its dot, a variable with its `$`, a string with its quotes. */
  readonly text: string;
}

const keywords = ['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'];

/** What a token inside an action may be, in the order of trying. Each pattern is sticky. */
const shapes: readonly (readonly [TokenKind, RegExp])[] = [
  ['declare', /:=/y],
  ['assign', /=/y],
  ['pipe', /\|/y],
  ['comma', /,/y],
  ['leftParen', /\(/y],
  ['rightParen', /\)/y],
  ['string', /"(?:\\[^\n]|[^"\\\n])*"/y],
  ['rawString', /`[^`]*`/y],
  ['character', /'(?:\\[^\n]|[^'\\\n])*'/y],
  ['variable', /\$[_\p{L}\p{Nd}]*/uy],
  [
    'number',
    /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*|0[bB][01_]*|(?:\d[\d_]*\.?|\.\d)[\d_]*(?:[eE][+-]?[\d_]*)?)i?/y,
  ],
  ['field', /\.[_\p{L}\p{Nd}]+/uy],
  ['dot', /\./y],
  ['identifier', /[_\p{L}\p{Nd}]+/uy],
];

/** Tokens that must be followed by something that ends a word. */
const words: readonly TokenKind[] = ['identifier', 'field', 'variable', 'dot'];

/**
 * Cuts a template into tokens. Texts come without the space that `{{-` and `-}}` take away, comments not at all.
 * @throws Fault for what is no template
 */
export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < text.length) {
    const open = text.indexOf('{{', position);
    const trims = open >= 0 && trimsLeft(text, open + 2);
    const piece = text.slice(position, open < 0 ? text.length : open);
    const kept = trims ? piece.slice(0, spaceAfter(piece, /[ \t\r\n]/)) : piece;
    if (kept !== '') tokens.push({ kind: 'text', offset: position, text: kept });
    if (open < 0) break;
    const inside = open + (trims ? 4 : 2);
    position = text.startsWith('/*', inside) ? skipComment(text, inside) : lexAction({ text, open, inside, tokens });
  }
  tokens.push({ kind: 'end', offset: text.length, text: '' });
  return tokens;
}

function trimsLeft(text: string, position: number): boolean {
  return text[position] === '-' && isSpace(text[position + 1]);
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

/** Where the text goes on after a closing delimiter at `position`; null when there is none. */
function afterClose(text: string, position: number): number | null {
  if (text.startsWith('}}', position)) return position + 2;
  if (!isSpace(text[position]) || !text.startsWith('-}}', position + 1)) return null;
  let next = position + 4;
  while (isSpace(text[next])) next++;
  return next;
}

function skipComment(text: string, start: number): number {
  const end = text.indexOf('*/', start);
  if (end < 0) throw new Fault('the comment has no end: close it with */}}', start);
  const next = afterClose(text, end + 2);
  if (next === null) throw new Fault('a comment stands alone in its action: nothing may follow */ but }} or -}}', end);
  return next;
}

/** Reads one action's tokens. @returns where the text goes on */
function lexAction(action: {
  readonly text: string;
  readonly open: number;
  readonly inside: number;
  readonly tokens: Token[];
}): number {
  const { text, open, inside, tokens } = action;
  tokens.push({ kind: 'open', offset: open, text: '{{' });
  let position = inside;
  for (let depth = 0; ; ) {
    const next = afterClose(text, position);
    if (next !== null) {
      if (depth > 0) throw new Fault('a ( is not closed before the end of the action: add )', position);
      tokens.push({ kind: 'close', offset: position, text: '}}' });
      return next;
    }
    if (position >= text.length) throw new Fault('the action is not closed: add }}', open);
    const token = isSpace(text[position]) ? lexSpace(text, position) : lexToken(text, position);
    if (token.kind === 'leftParen') depth++;
    if (token.kind === 'rightParen' && --depth < 0) throw new Fault('there is a ) without a ( before it', position);
    tokens.push(token);
    position += token.text.length;
  }
}

/** Spaces, but for the one that belongs to a ` -}}`. */
function lexSpace(text: string, position: number): Token {
  let end = position + 1;
  while (isSpace(text[end])) end++;
  const kept = afterClose(text, end - 1) === null ? end : end - 1;
  return { kind: 'space', offset: position, text: text.slice(position, kept) };
}

function lexToken(text: string, position: number): Token {
  for (const [kind, shape] of shapes) {
    shape.lastIndex = position;
    const found = shape.exec(text)?.[0];
    if (found === undefined) continue;
    const after = position + found.length;
    if (words.includes(kind)) requireEndOfWord(text, { start: position, end: after });
    if (kind === 'number' && /^[_\p{L}\p{Nd}+-]/u.test(text.slice(after, after + 2))) {
      throw new Fault('this is not a number', position);
    }
    return { kind: kindOfWord(kind, found), offset: position, text: found };
  }
  if (/["'`]/.test(text[position] ?? '')) {
    throw new Fault(`the text that begins here is not closed: add ${text[position]}`, position);
  }
  throw new Fault('this character has no meaning inside {{ }}', position);
}

function kindOfWord(kind: TokenKind, text: string): TokenKind {
  if (kind !== 'identifier') return kind;
  if (text === 'true' || text === 'false') return 'boolean';
  if (text === 'nil') return 'nil';
  return keywords.includes(text) ? 'keyword' : 'identifier';
}

function requireEndOfWord(text: string, { start, end }: { start: number; end: number }): void {
  const next = text[end];
  if (next === undefined || isSpace(next) || '.,|:)('.includes(next) || text.startsWith('}}', end)) return;
  const word = text.slice(start, end);
  const hint = word.startsWith('.')
    ? `; a key that has more than letters, digits and _ is written index . "the-key"`
    : '';
  throw new Fault(`"${next}" cannot follow ${word} without a space${hint}`, end);
}
