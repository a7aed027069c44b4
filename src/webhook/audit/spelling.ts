import { createSearch, type Search } from './search.ts';

const backslash = 0x5c;

/** How the words of JSON stand in the bytes: as they are or, in JSON within a string, with their quotes escaped. */
export interface Spelling {
  /** From the end of a key to its value, a string. */
  readonly keyToValue: Buffer;
  readonly valueEnd: Buffer;
  readonly findRequestType: Search;
  /** Finds a key, or a value, `path`. */
  readonly findPath: Search;
  /** Length of `path` and the quote before it. */
  readonly pathLength: number;
  /** What stands before the operation in the root namespace, and behind it, as Vault writes it since 1.17. */
  readonly inRoot: Buffer;
  readonly nextPath: Buffer;
}

const plain = spelledWith('"');
const escaped = spelledWith('\\"');

function spelledWith(mark: string): Spelling {
  return {
    keyToValue: Buffer.from(`${mark}:${mark}`),
    valueEnd: Buffer.from(mark),
    findRequestType: createSearch(`${mark}type${mark}:${mark}request${mark}`),
    findPath: createSearch(`${mark}path${mark}`),
    pathLength: `${mark}path`.length,
    inRoot: Buffer.from('"namespace":{"id":"root"},'.replaceAll('"', mark)),
    nextPath: Buffer.from('","path":"'.replaceAll('"', mark)),
  };
}

/** The spelling of a key, by where its quote stands. */
export function spellingAt(record: Buffer, at: number): Spelling {
  return record[at - 1] === backslash ? escaped : plain;
}

export function holdsAt(record: Buffer, text: Buffer, from: number): boolean {
  if (from + text.length > record.length) return false;
  for (let at = 0; at < text.length; at++) if (record[from + at] !== text[at]) return false;
  return true;
}

/** Where small letters end. */
export function endOfWord(record: Buffer, from: number): number {
  let end = from;
  while (isSmallLetter(record[end])) end++;
  return end;
}

function isSmallLetter(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x61 && byte <= 0x7a;
}
