import type { Reason } from './verdict.ts';

/** Takes what a `RecordSplitter` finds. */
export interface RecordSink {
  /** One JSON object, as bytes that are valid only during the call; whether it parses is not known yet. */
  record(bytes: Buffer): void;
  malformed(reason: Reason): void;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** 1 for the bytes that mean something within a string. */
const marksInString = new Uint8Array(256);
for (const byte of [quote, backslash, newline]) marksInString[byte] = 1;

/**
 * Cuts a stream of bytes, arriving in pieces of any size, into JSON objects: one a line (with or without a prefix before
 * the brace), elements of an array, written one after another, or spread over lines by a pretty printer.
 *
 * A line that begins with a brace and ends with one is taken whole, unseen: that is how Vault writes. Anything else is
 * walked byte by byte. A newline ends an object that is still open, so a line cut in two spoils nothing but itself;
 * only an object whose first line holds nothing but its brace may go on over several lines.
 */
export class RecordSplitter {
  readonly #sink: RecordSink;
  readonly #maxBytes: number;
  #mode: 'between' | 'within' | 'skipping' = 'between';
  /** What a piece ended with, from the brace on: most often a line whose end comes with the next piece. */
  #tail: Buffer | null = null;
  /** What is split is a tail that was kept. */
  #splitsTail = false;
  /** Bytes that are no JSON have been seen in this line: a prefix, or a line that is no JSON at all. */
  #stray = false;
  #parts: Buffer[] = [];
  #held = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #spread: 'undecided' | 'no' | 'yes' = 'undecided';
  #atLineStart = false;

  /** `maxBytes`: longer objects are reported as `TooLong` and skipped up to the next newline. */
  constructor(options: { readonly maxBytes: number; readonly sink: RecordSink }) {
    this.#maxBytes = options.maxBytes;
    this.#sink = options.sink;
  }

  /** Bytes of an object that is still open. */
  get heldBytes(): number {
    return (this.#tail?.length ?? 0) + this.#held;
  }

  /** `isLast`: nothing comes behind it, so that its end is the end of a line. */
  push(chunk: Buffer, isLast = false): void {
    const from = this.#tail === null ? 0 : this.#joinTail(this.#tail, chunk);
    this.#split(chunk, from, isLast);
  }

  /** The stream has ended: an object that is still open was cut short. */
  end(): void {
    if (this.#tail !== null) this.#splitTail(this.#tail);
    if (this.#mode === 'within') this.#sink.malformed('NotJson');
    else if (this.#stray) this.#sink.malformed('NotJson');
    this.#stray = false;
    this.#reset('between');
  }

  /** Puts a line together that was cut in two; returns where the next one begins. */
  #joinTail(tail: Buffer, chunk: Buffer): number {
    const lineEnd = chunk.indexOf(newline);
    const end = endOfObject(chunk, lineEnd);
    if (end < 0) {
      this.#splitTail(tail);
      return 0;
    }
    this.#tail = null;
    this.#emit(Buffer.concat([tail, chunk.subarray(0, end)]));
    return lineEnd + 1;
  }

  #splitTail(tail: Buffer): void {
    this.#tail = null;
    this.#splitsTail = true;
    this.#split(tail, 0);
    this.#splitsTail = false;
  }

  #split(chunk: Buffer, from: number, isLast = false): void {
    let at = from;
    let lineEnd = -1;
    while (at < chunk.length) {
      if (this.#mode === 'within') {
        at = this.#walk(chunk, at);
        continue;
      }
      if (lineEnd < at) {
        lineEnd = chunk.indexOf(newline, at);
        if (lineEnd < 0) lineEnd = isLast ? chunk.length : Number.POSITIVE_INFINITY;
      }
      if (this.#mode === 'skipping') {
        if (lineEnd < chunk.length) this.#mode = 'between';
        at = Math.min(lineEnd + 1, chunk.length);
      } else {
        at = this.#seek(chunk, at, lineEnd);
      }
    }
  }

  /** Looks for the next brace; returns where to go on. */
  #seek(chunk: Buffer, from: number, lineEnd: number): number {
    const stop = Math.min(lineEnd, chunk.length);
    for (let at = from; at < stop; at++) {
      const byte = chunk[at];
      if (byte === openBrace) {
        this.#stray = false;
        return this.#begin(chunk, at, lineEnd);
      }
      this.#stray ||= !isBetweenRecords(byte);
    }
    if (stop === chunk.length) return stop;
    if (this.#stray) this.#sink.malformed('NotJson');
    this.#stray = false;
    return stop + 1;
  }

  #begin(chunk: Buffer, start: number, lineEnd: number): number {
    const end = lineEnd <= chunk.length ? endOfObject(chunk, lineEnd) : -1;
    if (end >= 0) {
      this.#emit(chunk.subarray(start, end));
      return lineEnd + 1;
    }
    // One that ends here may be whole, and nothing may come for a long time.
    if (lineEnd > chunk.length && chunk[chunk.length - 1] !== closeBrace && !this.#splitsTail) {
      this.#tail = chunk.subarray(start);
      return chunk.length;
    }
    this.#reset('within');
    return start;
  }

  /** Walks within an object until it closes, breaks off or the chunk ends; returns where to go on. */
  #walk(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#walkString(chunk, at);
        if (this.#inString && at < chunk.length) return this.#breakOff(at + 1);
        continue;
      }
      const byte = chunk[at];
      if (this.#spread !== 'no') {
        if (!this.#fitsLines(byte)) return this.#breakOff(at);
      } else if (byte === newline) return this.#breakOff(at + 1);
      at++;
      if (byte === quote) this.#inString = true;
      else if (byte === openBrace || byte === openBracket) this.#depth += 1;
      else if (byte === closeBrace || byte === closeBracket) {
        this.#depth -= 1;
        if (this.#depth === 0) return this.#finish(chunk.subarray(from, at), at);
      }
    }
    this.#held += at - from;
    if (this.#held > this.#maxBytes) {
      this.#sink.malformed('TooLong');
      this.#reset('skipping');
    } else {
      this.#parts.push(chunk.subarray(from, at));
    }
    return at;
  }

  /** Walks within a string; returns where it ended, or where the newline is that breaks it off, or the chunk's end. */
  #walkString(chunk: Buffer, from: number): number {
    const end = chunk.length;
    let at = from;
    for (;;) {
      if (!this.#escaped) while (at < end && marksInString[chunk[at] as number] === 0) at++;
      if (at >= end || chunk[at] === newline) return at;
      if (this.#escaped) this.#escaped = false;
      else if (chunk[at] === backslash) this.#escaped = true;
      else {
        this.#inString = false;
        return at + 1;
      }
      at++;
    }
  }

  /** Finds out whether the object goes on over several lines; false when it cannot go on with this byte. */
  #fitsLines(byte: number | undefined): boolean {
    if (byte === newline) {
      this.#spread = 'yes';
      this.#atLineStart = true;
      return true;
    }
    const begins = this.#atLineStart;
    this.#atLineStart = false;
    if (byte === space || byte === tab || byte === carriageReturn) return true;
    if (begins && !mayBeginLineWithin(byte)) return false;
    if (this.#depth > 0 && this.#spread === 'undecided') this.#spread = 'no';
    return true;
  }

  #finish(last: Buffer, next: number): number {
    const record = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#reset('between');
    this.#emit(record);
    return next;
  }

  #breakOff(next: number): number {
    this.#sink.malformed('NotJson');
    this.#reset('between');
    return next;
  }

  #emit(record: Buffer): void {
    if (record.length > this.#maxBytes) this.#sink.malformed('TooLong');
    else this.#sink.record(record);
  }

  #reset(mode: 'between' | 'within' | 'skipping'): void {
    this.#mode = mode;
    this.#parts = [];
    this.#held = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#spread = 'undecided';
    this.#atLineStart = false;
  }
}

/** Where an object ends that ends with its line; -1 when none does. */
function endOfObject(chunk: Buffer, lineEnd: number): number {
  const end = chunk[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
  return chunk[end - 1] === closeBrace ? end : -1;
}

function isBetweenRecords(byte: number | undefined): boolean {
  switch (byte) {
    case space:
    case tab:
    case carriageReturn:
    case comma:
    case openBracket:
    case closeBracket:
      return true;
    default:
      return false;
  }
}

/** What a pretty printer puts at the start of a line without indentation. */
function mayBeginLineWithin(byte: number | undefined): boolean {
  return byte === quote || byte === closeBrace || byte === closeBracket;
}
