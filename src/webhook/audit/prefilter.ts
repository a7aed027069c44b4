import { hidesNothing } from './hidden.ts';
import { beginsNeverKv, isNeverKv } from './never-kv.ts';
import { createSearch } from './search.ts';
import { shownPaths } from './shown-paths.ts';
import { endOfWord, holdsAt, type Spelling, spellingAt } from './spelling.ts';

const operationKey = '"operation';
const findOperation = createSearch(operationKey);
/** As a value it is the type of the only entries that tell of a change; in a request entry it stands nowhere. */
const findResponse = createSearch('"response');
/** What an entry may end with, if its keys are sorted: `"type":"response"}`. */
const endOfResponse = 24;
/** The one change that its request entry tells of. */
const findRestore = createSearch('sys/storage/raft/snapshot');

/** The first four bytes of an operation, read as one number. */
function word(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32LE(0);
}

const harmless = new Set([word('read'), word('list'), word('help'), word('scan')]);
const writes = new Set([word('create'), word('update'), word('patch'), word('delete'), word('recover')]);

/** What a record shows without being parsed. */
export type Glimpse =
  /** Certainly no change. */
  | 'nothing'
  /** It must be parsed. */
  | 'unclear'
  /**
   * At most one change, of a secret: of one of these paths, in the root namespace or one that another of them names.
   * Certainly no change of a whole mount, but for a path that ends in `/config`.
   */
  | readonly string[];

/**
 * Looks at a record without parsing it: most of an audit log is reads, logins and renewals, and most writes are of secrets
 * that nobody wants. `unclear` is always right, whatever the writer's key order, spacing or wrapping.
 *
 * Why it is sound: with no other escapes than `\"`, `\n`, `\r` and `\t` no letter is hidden, and a string can hold JSON
 * that itself has no escapes, but no deeper one. So every key `operation` shows as these very bytes, its quotes plain or
 * escaped; if there is only one, it is the request's (or there is no change), and what stands beside it belongs to the
 * request too. Likewise a value `response` would show, and every `path` that is spelled as the operation is. What is long
 * enough to be an entry in base64 is parsed.
 */
export function glimpse(record: Buffer): Glimpse {
  const at = findOperation(record, 0);
  if (at < 0) return 'unclear';
  const spelling = spellingAt(record, at);
  const keyEnd = at + operationKey.length;
  if (!holdsAt(record, spelling.keyToValue, keyEnd)) return 'unclear';
  const value = keyEnd + spelling.keyToValue.length;
  if (saysRead(record, value, spelling) || isAtNeverKv(record, value, spelling)) {
    return findOperation(record, value) < 0 && hidesNothing(record) ? 'nothing' : 'unclear';
  }
  if (isRequest(record, spelling)) return hidesNothing(record) ? 'nothing' : 'unclear';
  if (!saysWrite(record, value) || findOperation(record, value) >= 0 || !hidesNothing(record)) return 'unclear';
  const paths = shownPaths(record, { spelling, key: at + 1 - spelling.valueEnd.length, value });
  if (paths === null) return 'unclear';
  if (paths.every(isNeverKv)) return 'nothing';
  return paths.some((path) => path.startsWith('sys/')) ? 'unclear' : paths;
}

function saysRead(record: Buffer, value: number, { valueEnd }: Spelling): boolean {
  if (value + 5 > record.length || !harmless.has(record.readUInt32LE(value))) return false;
  return holdsAt(record, valueEnd, value + 4);
}

function saysWrite(record: Buffer, value: number): boolean {
  return value + 4 <= record.length && writes.has(record.readUInt32LE(value));
}

function isAtNeverKv(record: Buffer, value: number, { nextPath }: Spelling): boolean {
  const end = endOfWord(record, value);
  return holdsAt(record, nextPath, end) && beginsNeverKv(record, end + nextPath.length);
}

/** Only requests, which come before the change is made. */
function isRequest(record: Buffer, { findRequestType }: Spelling): boolean {
  if (findResponse(record, Math.max(0, record.length - endOfResponse)) >= 0 || findResponse(record, 0) >= 0)
    return false;
  return findRequestType(record, 0) >= 0 && findRestore(record, 0) < 0;
}
