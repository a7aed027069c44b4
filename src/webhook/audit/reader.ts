import { isTooComplex } from './complexity.ts';
import { judge } from './judge.ts';
import { isSurelyIgnored } from './prefilter.ts';
import { RecordSplitter } from './records.ts';
import { parseRecord, visitEntries } from './unwrap.ts';
import { malformed, type Reason, type Verdict } from './verdict.ts';

/** Takes what an `AuditReader` makes of its bytes. */
export interface VerdictSink {
  verdict(verdict: Verdict): void;
  /** A record that was ignored without being parsed. */
  passedOver(): void;
}

export interface AuditReaderOptions {
  /** Longest record in bytes; longer ones are counted as malformed and skipped. */
  readonly maxRecordBytes: number;
  /** Pass over what certainly holds no change without parsing it; `false` judges every entry. */
  readonly prefilter: boolean;
  readonly sink: VerdictSink;
}

/** From bytes, arriving in pieces of any size, to one verdict per audit entry. Never throws for what it is fed. */
export class AuditReader {
  readonly #options: AuditReaderOptions;
  readonly #splitter: RecordSplitter;

  constructor(options: AuditReaderOptions) {
    this.#options = options;
    this.#splitter = new RecordSplitter({
      maxBytes: options.maxRecordBytes,
      sink: { record: (bytes) => this.#read(bytes), malformed: (reason) => this.malformed(reason) },
    });
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  /** Nothing more will come. */
  end(): void {
    this.#splitter.end();
  }

  /** Counts something that could not be read. */
  malformed(reason: Reason): void {
    this.#options.sink.verdict(malformed(reason));
  }

  #read(record: Buffer): void {
    const { prefilter, sink } = this.#options;
    if (prefilter && isSurelyIgnored(record)) {
      sink.passedOver();
      return;
    }
    if (isTooComplex(record)) {
      this.malformed('TooComplex');
      return;
    }
    const { values, broken } = parseRecord(record);
    for (const value of values) {
      const found = visitEntries(value, (entry) => sink.verdict(judge(entry)));
      if (found === 0 && !broken) this.malformed('NotAnEntry');
    }
    if (broken || values.length === 0) this.malformed('NotJson');
  }
}
