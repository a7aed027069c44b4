import { createSearch, type Search } from './search.ts';

const backslash = 0x5c;
const quote = 0x22;

const operationKey = '"operation';
const findOperation = createSearch(operationKey);
/** As a value it is the type of the only entries that tell of a change; in a request entry it stands nowhere. */
const findResponse = createSearch('"response');
/** The one change that its request entry tells of. */
const findRestore = createSearch('sys/storage/raft/snapshot');

/** What stands between the words of JSON, as it is or, `escaped`, in JSON within a string. */
interface Spelling {
  readonly keyToValue: Buffer;
  readonly valueEnd: Buffer;
  /** What follows an operation on a place where no KV mount can be. */
  readonly neverKv: readonly Buffer[];
  readonly findRequest: Search;
}

/** Stand next to the operation, as Vault writes it since 1.17. None of these is a KV mount or changes one. */
const neverKvPaths = ['auth/', 'identity/', 'cubbyhole/', 'sys/leases/', 'sys/capabilities', 'sys/wrapping/'];

const plain = spelling('"');
const escaped = spelling('\\"');

function spelling(mark: string): Spelling {
  return {
    keyToValue: Buffer.from(`${mark}:${mark}`),
    valueEnd: Buffer.from(mark),
    neverKv: neverKvPaths.map((path) => Buffer.from(`${mark},${mark}path${mark}:${mark}${path}`)),
    findRequest: createSearch(`${mark}type${mark}:${mark}request${mark}`),
  };
}

/** The first four bytes of an operation, read as one number. */
function word(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32LE(0);
}

/**
 * The least entry that tells of a change (a type, an operation and a path) is 88 characters of base64, and no less than 75
 * when gzipped. Hashes, of which each line is full, are 64.
 */
const shortestBase64 = 72;
const inBase64 = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')) inBase64[byte] = 1;

const harmless = new Set([word('read'), word('list'), word('help'), word('scan')]);

/**
 * True only if the record certainly holds no change, found without parsing it: most of an audit log is reads, logins
 * and renewals. False means "parse it", whatever the writer's key order, spacing or wrapping.
 *
 * Why it is sound: with no other escapes than `\"`, `\n`, `\r` and `\t` no letter is hidden, and a string can hold JSON
 * that itself has no escapes, but no deeper one. So every key `operation` shows as these very bytes, its quotes plain or
 * escaped; if there is only one, it is the request's (or there is no change), and what stands beside it belongs to the
 * request too. Likewise a value `response` would show. What is long enough to be an entry in base64 is parsed.
 */
export function isSurelyIgnored(record: Buffer): boolean {
  const at = findOperation(record, 0);
  if (at < 0) return false;
  const spelling = record[at - 1] === backslash ? escaped : plain;
  const keyEnd = at + operationKey.length;
  if (!holdsAt(record, spelling.keyToValue, keyEnd)) return false;
  const value = keyEnd + spelling.keyToValue.length;
  const changesNothing = saysRead(record, value, spelling) || saysNeverKv(record, value, spelling);
  const passes = changesNothing ? findOperation(record, value) < 0 : isRequest(record, spelling);
  return passes && hidesNothing(record);
}

function saysRead(record: Buffer, value: number, { valueEnd }: Spelling): boolean {
  if (value + 5 > record.length || !harmless.has(record.readUInt32LE(value))) return false;
  return holdsAt(record, valueEnd, value + 4);
}

function saysNeverKv(record: Buffer, value: number, { neverKv }: Spelling): boolean {
  let end = value;
  while (isLetter(record[end])) end++;
  return neverKv.some((path) => holdsAt(record, path, end));
}

/** Only requests, which come before the change is made. */
function isRequest(record: Buffer, { findRequest }: Spelling): boolean {
  return findResponse(record, 0) < 0 && findRequest(record, 0) >= 0 && findRestore(record, 0) < 0;
}

/** No escape that could hide a letter, or JSON within JSON within a string; and no base64. */
function hidesNothing(record: Buffer): boolean {
  if (mayHoldBase64(record)) return false;
  let at = record.indexOf(backslash);
  if (at < 0) return true;
  for (; at < record.length; at++) {
    if (record[at] !== backslash) continue;
    at++;
    if (!isPlainEscape(record[at])) return false;
  }
  return true;
}

/** Each window is looked at from its end: the byte that breaks a run tells where the next one can begin. */
function mayHoldBase64(record: Buffer): boolean {
  for (let start = 0; start + shortestBase64 <= record.length; ) {
    let at = start + shortestBase64 - 1;
    while (at >= start && inBase64[record[at] as number] === 1) at--;
    if (at < start) return true;
    start = at + 1;
  }
  return false;
}

function isPlainEscape(byte: number | undefined): boolean {
  return byte === quote || byte === 0x6e || byte === 0x72 || byte === 0x74;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x61 && byte <= 0x7a;
}

function holdsAt(record: Buffer, text: Buffer, from: number): boolean {
  if (from + text.length > record.length) return false;
  for (let at = 0; at < text.length; at++) if (record[from + at] !== text[at]) return false;
  return true;
}
