import { randomBytes } from 'node:crypto';

/**
 * What one record may cost to parse. Each value of an object or array (text, number, object, …) counts one, a name that
 * was not in the record before counts ten more. A batch of 29,000 entries (32 MB) in one object counts 1.1 to 1.4 million,
 * for an entry has a value for every 20 to 30 bytes, and nearly all its names in common with the others.
 *
 * Measured with Node 24: a value takes 0.1 to 0.5 microseconds and 30 to 110 bytes, a new name up to 2 microseconds and
 * 1,000 bytes, because V8 keeps every name once, and a description of every set of names that an object has. At this
 * bound most records of the worst kinds take 0.1 to 0.4 s and 50 to 150 MB, different short texts 0.8 to 1 s and
 * 180 MB; without it 32 MB take 5 s and 550 MB.
 */
const maxCost = 1_500_000;
const costOfName = 10;
/** Nothing that parses costs more per byte: what is shorter needs no counting. */
const maxCostOfByte = 2;

/** In one of these bits it is noted that a name was there; of 150,000 names 7 % share theirs with one before. */
const namesBits = 2 ** 20;

const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;
const zero = 0x30;
const nine = 0x39;

const isValue = 1;
const isColon = 2;
const isEscape = 3;
const marks = new Uint8Array(256);
for (const byte of Buffer.from(',{[')) marks[byte] = isValue;
marks[colon] = isColon;
marks[backslash] = isEscape;

/** Bytes that may stand between a name and its colon; and, after a backslash, within a string. */
const spaces = new Set(Buffer.from(' \t\n\r'));
const escapedSpaces = new Set(Buffer.from('tnr'));

const key = Buffer.from('"key');

/** What JSON writers put as `\u00…` though they need not, and no JSON within the string needs: & ' + < = > ` and DEL. */
const harmlessEscapes = new Set(['26', '27', '2b', '3c', '3d', '3e', '60', '7f']);

/** Who does not know it cannot make names that share a bit. */
const seed = randomBytes(4).readInt32LE();

/** Counts what it costs to parse something; of several texts, together. */
export class Complexity {
  #bytes = 0;
  #cost = 0;
  #names: Uint8Array | null = null;

  /** Counts some more JSON; true when that makes it too much. What stands in strings counts: it may be JSON, too. */
  isExceededWith(json: Buffer): boolean {
    this.#bytes += json.length;
    if (this.#bytes * maxCostOfByte < maxCost) return false;
    let cost = this.#cost;
    const end = json.length;
    for (let at = 0; at < end; at++) {
      const mark = marks[json[at] as number];
      if (mark === 0) continue;
      if (mark === isValue) cost += 1;
      else cost += costOfName * (mark === isColon ? this.#newNames(json, at) : Number(hidesSign(json, at)));
      if (cost > maxCost) break;
    }
    this.#cost = cost;
    return cost > maxCost;
  }

  /** How many names at this colon were not there yet: the one before it and, as OTLP writes names, `"key":"name"`. */
  #newNames(json: Buffer, colonAt: number): number {
    const end = closingQuote(json, colonAt);
    if (end < 0) return 0;
    const isNew = Number(this.#isNew(json, end));
    return isKey(json, end) ? isNew + Number(this.#isNew(json, endOfNextText(json, colonAt))) : isNew;
  }

  /** Whether the text that this quote ends was not there yet, or cannot be told from those that were. */
  #isNew(json: Buffer, end: number): boolean {
    const depth = backslashesBefore(json, end);
    let hash = seed;
    let at = end - depth - 1;
    for (; at >= 0 && json[at] !== quote; at--) hash = Math.imul(hash ^ (json[at] as number), 0x01000193);
    // It holds a quote, or an escape at its end.
    if (backslashesBefore(json, at) !== depth) return true;
    // A name that makes a table of its own in each object.
    if (isDigit(json[at + 1])) return true;
    return this.#note((hash ^ (hash >>> 15)) & (namesBits - 1));
  }

  #note(bit: number): boolean {
    this.#names ??= new Uint8Array(namesBits / 8);
    const byte = this.#names[bit >>> 3] as number;
    const mask = 1 << (bit & 7);
    this.#names[bit >>> 3] = byte | mask;
    return (byte & mask) === 0;
  }
}

/** Where the quote is that a colon follows; -1 when none is there, so that no name can end there. */
function closingQuote(json: Buffer, colonAt: number): number {
  let at = colonAt - 1;
  for (;;) {
    const byte = json[at] as number;
    if (byte === quote) return at;
    if (spaces.has(byte)) at--;
    else if (json[at - 1] === backslash && escapedSpaces.has(byte)) at -= 1 + backslashesBefore(json, at);
    else return -1;
  }
}

/** How many stand before it: in JSON as it is none, in JSON within a string one before each quote, then three, … */
function backslashesBefore(json: Buffer, end: number): number {
  let at = end - 1;
  while (json[at] === backslash) at--;
  return end - 1 - at;
}

function isKey(json: Buffer, end: number): boolean {
  const at = end - backslashesBefore(json, end) - key.length;
  return json[at + 3] === key[3] && json[at + 2] === key[2] && json[at + 1] === key[1] && json[at] === key[0];
}

function endOfNextText(json: Buffer, from: number): number {
  return json.indexOf(quote, json.indexOf(quote, from) + 1);
}

/** A sign of JSON, or a part of a name, that is written as `\u00…` so that it does not show. */
function hidesSign(json: Buffer, at: number): boolean {
  if (json[at + 1] !== 0x75 || json[at + 2] !== zero || json[at + 3] !== zero) return false;
  const digits = json.toString('latin1', at + 4, at + 6).toLowerCase();
  return digits >= '20' && digits <= '7f' && !harmlessEscapes.has(digits);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}
