import { Complexity } from './complexity.ts';
import type { DecodeBudget } from './encoded.ts';
import { type Foreign, foreignFormat, headBytes } from './foreign.ts';
import { judge } from './judge.ts';
import { glimpse } from './prefilter.ts';
import { RecordSplitter } from './records.ts';
import { parseRecord, visitEntries } from './unwrap.ts';
import { malformed, type Reason, type Verdict } from './verdict.ts';

/** Takes what an `AuditReader` makes of its bytes. */
export interface VerdictSink {
  verdict(verdict: Verdict): void;
  /** A record that was ignored without being parsed. */
  passedOver(): void;
  /**
   * Takes a record that holds one change at most, of one of these paths (see `Glimpse`), if nobody wants it; then it is not
   * parsed. The bytes are valid only during the call.
   */
  unwanted?(record: Buffer, paths: readonly string[]): boolean;
}

export interface AuditReaderOptions {
  /** Longest record in bytes; longer ones are counted as malformed and skipped. */
  readonly maxRecordBytes: number;
  /** Pass over what certainly holds no change, or none that is wanted, without parsing it; `false` judges every entry. */
  readonly prefilter: boolean;
  /** As the sender calls it; only a hint. */
  readonly contentType?: string | undefined;
  readonly sink: VerdictSink;
}

/** From bytes, arriving in pieces of any size, to one verdict per audit entry. Never throws for what it is fed. */
export class AuditReader {
  readonly #options: AuditReaderOptions;
  readonly #splitter: RecordSplitter;
  #hasBegun = false;
  /** What the stream is instead of JSON: said once, and of whatever else cannot be read in it. */
  #foreign: Foreign | null = null;

  constructor(options: AuditReaderOptions) {
    this.#options = options;
    this.#splitter = new RecordSplitter({
      maxBytes: options.maxRecordBytes,
      sink: { record: (bytes) => this.#read(bytes), malformed: (reason) => this.malformed(this.#foreign ?? reason) },
    });
  }

  /** Bytes that are kept until the rest of their record comes. */
  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  /** `isLast`: nothing comes behind it, and `end` is called at once. */
  push(chunk: Buffer, isLast = false): void {
    if (!this.#hasBegun) this.#begin(chunk);
    this.#splitter.push(chunk, isLast);
  }

  /** Nothing more will come. */
  end(): void {
    this.#splitter.end();
    this.#hasBegun = false;
    this.#foreign = null;
  }

  /** Counts something that could not be read. */
  malformed(reason: Reason): void {
    this.#options.sink.verdict(malformed(reason));
  }

  #begin(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#hasBegun = true;
    this.#foreign = foreignFormat(chunk.subarray(0, headBytes), this.#options.contentType);
    if (this.#foreign !== null) this.malformed(this.#foreign);
  }

  #read(record: Buffer): void {
    const { prefilter, sink } = this.#options;
    if (prefilter) {
      const seen = glimpse(record);
      if (seen === 'nothing') {
        sink.passedOver();
        return;
      }
      if (seen !== 'unclear' && sink.unwanted?.(record, seen)) return;
    }
    this.#judge(record);
  }

  #judge(record: Buffer): void {
    const { sink } = this.#options;
    const complexity = new Complexity();
    if (complexity.isExceededWith(record)) {
      this.malformed('TooComplex');
      return;
    }
    const { values, broken } = parseRecord(record);
    const budget: DecodeBudget = { bytes: this.#options.maxRecordBytes, complexity, problem: null };
    const visit = { entry: (entry: unknown) => sink.verdict(judge(entry)), budget };
    for (const value of values) {
      const found = visitEntries(value, visit);
      if (found === 0 && !broken && budget.problem === null) this.malformed('NotAnEntry');
    }
    if (budget.problem !== null) this.malformed(budget.problem);
    if (broken || values.length === 0) this.malformed(this.#foreign ?? 'NotJson');
  }
}
