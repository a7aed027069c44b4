import { endOfWord, holdsAt, type Spelling } from './spelling.ts';

/** The request's, its namespace's, and one that somebody made part of the data. */
const mostPaths = 3;
/** In bytes; longer ones are rare, and whoever takes them keeps them. */
const longestPath = 512;
const backslash = 0x5c;
const quote = 0x22;

/** Where the only operation of a record stands: its key, and its value. */
export interface OperationPlace {
  readonly spelling: Spelling;
  readonly key: number;
  readonly value: number;
}

/**
 * The paths that a request may be for, and of them those that its namespace may have: the value of every key `path` that is
 * spelled as the operation is. Null if one does not tell it plainly, or if there are none or too many. Only for a record
 * that hides nothing.
 *
 * Of a key that comes twice the last one counts. So if the request's path is found for certain, and no namespace with a
 * path, only those that follow may count instead.
 */
export function shownPaths(record: Buffer, operation: OperationPlace): string[] | null {
  const { findPath, pathLength, keyToValue, valueEnd } = operation.spelling;
  const paths: string[] = [];
  for (let at = findPath(record, firstThatCounts(record, operation)); at >= 0; at = findPath(record, at)) {
    const keyEnd = at + pathLength;
    if (paths.length === mostPaths || !holdsAt(record, keyToValue, keyEnd)) return null;
    const start = keyEnd + keyToValue.length;
    const end = endOfText(record, start);
    if (end < 0 || !holdsAt(record, valueEnd, end)) return null;
    paths.push(record.toString('utf8', start, end));
    at = end;
  }
  return paths.length === 0 ? null : paths;
}

function firstThatCounts(record: Buffer, { spelling, key, value }: OperationPlace): number {
  const { inRoot, nextPath, valueEnd } = spelling;
  const valueEndsAt = endOfWord(record, value);
  const isCertain = holdsAt(record, nextPath, valueEndsAt) && holdsAt(record, inRoot, key - inRoot.length);
  return isCertain ? valueEndsAt + valueEnd.length : 0;
}

/** Where the next quote or escape stands; -1 if that is too far. */
function endOfText(record: Buffer, start: number): number {
  const stop = Math.min(record.length, start + longestPath + 1);
  for (let at = start; at < stop; at++) if (record[at] === quote || record[at] === backslash) return at;
  return -1;
}
