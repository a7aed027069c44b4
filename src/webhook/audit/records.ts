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

  push(chunk: Buffer): void {
    let at = 0;
    let lineEnd = -1;
    while (at < chunk.length) {
      if (this.#mode === 'within') {
        at = this.#walk(chunk, at);
        continue;
      }
      if (lineEnd < at) {
        lineEnd = chunk.indexOf(newline, at);
        if (lineEnd < 0) lineEnd = Number.POSITIVE_INFINITY;
      }
      if (this.#mode === 'skipping') {
        if (lineEnd < chunk.length) this.#mode = 'between';
        at = Math.min(lineEnd + 1, chunk.length);
      } else {
        at = this.#seek(chunk, at, lineEnd);
      }
    }
  }

  /** The stream has ended: an object that is still open was cut short. */
  end(): void {
    if (this.#mode === 'within') this.#sink.malformed('NotJson');
    else if (this.#stray) this.#sink.malformed('NotJson');
    this.#stray = false;
    this.#reset('between');
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
    if (lineEnd < chunk.length) {
      const end = chunk[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
      if (chunk[end - 1] === closeBrace) {
        this.#emit(chunk.subarray(start, end));
        return lineEnd + 1;
      }
    }
    this.#reset('within');
    return start;
  }

  /** Walks within an object until it closes, breaks off or the chunk ends; returns where to go on. */
  #walk(chunk: Buffer, from: number): number {
    let at = from;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString) {
        if (byte === newline) return this.#breakOff(at + 1);
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
        continue;
      }
      if (byte === newline) {
        if (this.#spread === 'undecided') this.#spread = 'yes';
        if (this.#spread === 'no') return this.#breakOff(at + 1);
        this.#atLineStart = true;
        continue;
      }
      if (byte === space || byte === tab || byte === carriageReturn) {
        this.#atLineStart = false;
        continue;
      }
      if (this.#atLineStart && !mayBeginLineWithin(byte)) return this.#breakOff(at);
      this.#atLineStart = false;
      if (this.#depth > 0 && this.#spread === 'undecided') this.#spread = 'no';
      if (byte === quote) this.#inString = true;
      else if (byte === openBrace || byte === openBracket) this.#depth += 1;
      else if (byte === closeBrace || byte === closeBracket) {
        this.#depth -= 1;
        if (this.#depth === 0) return this.#finish(chunk.subarray(from, at + 1), at + 1);
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
