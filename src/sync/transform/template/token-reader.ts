import { Fault } from './fault.ts';
import type { Token, TokenKind } from './lex.ts';

/** Walks through tokens. A "word" is a token that is no space. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { kind: 'end', offset: 0, text: '' };
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? this.#end;
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  peekWord(): Token {
    while (this.peek().kind === 'space') this.#at++;
    return this.peek();
  }

  nextWord(): Token {
    this.peekWord();
    return this.next();
  }

  /** Takes a keyword if it is the next word. */
  takeKeyword(keyword: string): boolean {
    const { kind, text } = this.peekWord();
    const found = kind === 'keyword' && text === keyword;
    if (found) this.#at++;
    return found;
  }

  /** @throws Fault when the next word is of another kind */
  expect(kind: TokenKind, context: string): Token {
    const token = this.nextWord();
    if (token.kind !== kind) throw unexpected(token, context);
    return token;
  }
}

export function unexpected(token: Token, context: string): Fault {
  const what = token.kind === 'close' || token.kind === 'end' ? 'the end' : `"${token.text}"`;
  return new Fault(`${what} cannot stand here, in ${context}`, token.offset);
}
