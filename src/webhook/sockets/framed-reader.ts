import { AuditReader, type VerdictSink } from '../audit/reader.ts';
import { withoutSyslogHeader } from './syslog.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const lessThan = 0x3c;
const lineEnd = Buffer.of(newline);

/** What a syslog header may add to a line. */
const maxHeaderBytes = 8_192;
/** `<length> <`: as long as the longest message that a sender could mean. */
const countedHead = /^[1-9]\d{0,8} </;
const mayBecomeCounted = /^[1-9]\d{0,8} ?$/;

/**
 * How the messages of a connection are told apart, found out from its first bytes:
 * - `lines`    JSON lines, as Vault's socket device writes them, with or without a prefix; left to the `AuditReader`
 * - `syslog`   syslog messages that end with a newline (RFC 6587, non-transparent framing)
 * - `counted`  syslog messages, each after its length (RFC 6587, octet counting)
 */
type Framing = 'unknown' | 'lines' | 'syslog' | 'counted';

/** From the bytes of one connection, cut anywhere, to verdicts. */
export class FramedReader {
  readonly #reader: AuditReader;
  readonly #maxMessageBytes: number;
  #framing: Framing = 'unknown';
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** What is being read is too long: it is passed over. */
  #skipping = false;
  /** Bytes of a counted message that are still to come; null = its length is being read. */
  #left: number | null = null;
  #length = '';

  constructor(options: { readonly maxLineBytes: number; readonly sink: VerdictSink }) {
    this.#reader = new AuditReader({ maxRecordBytes: options.maxLineBytes, prefilter: true, sink: options.sink });
    this.#maxMessageBytes = options.maxLineBytes + maxHeaderBytes;
  }

  /** Bytes that are kept until the rest of their line comes. */
  get heldBytes(): number {
    return this.#partBytes + this.#reader.heldBytes;
  }

  /** False when the lengths do not add up: nothing that comes after can be understood. */
  push(chunk: Buffer): boolean {
    switch (this.#framing) {
      case 'lines':
        this.#reader.push(chunk);
        return true;
      case 'syslog':
        this.#pushSyslog(chunk);
        return true;
      case 'counted':
        return this.#pushCounted(chunk);
      case 'unknown':
        return this.#findFraming(chunk);
      default:
        return this.#framing satisfies never;
    }
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#framing === 'counted' && (this.#left !== null || this.#length !== '')) this.#reader.malformed('NotJson');
    else if (this.#partBytes > 0) this.#emit();
    this.#forget();
    this.#reader.end();
  }

  #findFraming(chunk: Buffer): boolean {
    const bytes = this.#partBytes === 0 ? chunk : Buffer.concat([...this.#parts, chunk]);
    let from = 0;
    while (isBlank(bytes[from])) from++;
    const head = bytes.toString('latin1', from, from + 11);
    this.#forget();
    if (from === bytes.length) return true;
    if (mayBecomeCounted.test(head) && from + head.length === bytes.length) {
      this.#keep(bytes.subarray(from));
      return true;
    }
    if (bytes[from] === lessThan) this.#framing = 'syslog';
    else this.#framing = countedHead.test(head) ? 'counted' : 'lines';
    return this.push(bytes.subarray(from));
  }

  #pushSyslog(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      const end = chunk.indexOf(newline, from);
      this.#take(chunk.subarray(from, end < 0 ? chunk.length : end));
      if (end < 0) return;
      this.#emit();
      from = end + 1;
    }
  }

  #pushCounted(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === null) {
        if (!this.#takeLength(chunk[at] as number)) return false;
        at++;
        continue;
      }
      const end = Math.min(at + this.#left, chunk.length);
      this.#take(chunk.subarray(at, end));
      this.#left -= end - at;
      at = end;
      if (this.#left === 0) {
        this.#left = null;
        this.#emit();
      }
    }
    return true;
  }

  /** Takes one byte of `<length><space>`; between two messages some senders leave a newline. */
  #takeLength(byte: number): boolean {
    if (this.#length === '' && isBlank(byte)) return true;
    if (byte === space) {
      this.#left = Number(this.#length);
      this.#length = '';
      return true;
    }
    this.#length += String.fromCharCode(byte);
    if (/^[1-9]\d{0,8}$/.test(this.#length)) return true;
    this.#reader.malformed('NotJson');
    this.#left = null;
    this.#length = '';
    return false;
  }

  #take(piece: Buffer): void {
    if (this.#skipping || piece.length === 0) return;
    this.#keep(piece);
    if (this.#partBytes <= this.#maxMessageBytes) return;
    this.#forget();
    this.#skipping = true;
    this.#reader.malformed('TooLong');
  }

  #emit(): void {
    if (!this.#skipping && this.#partBytes > 0) {
      const message = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      this.#reader.push(Buffer.concat([withoutSyslogHeader(message), lineEnd]));
    }
    this.#skipping = false;
    this.#forget();
  }

  #keep(piece: Buffer): void {
    this.#parts.push(piece);
    this.#partBytes += piece.length;
  }

  #forget(): void {
    this.#parts = [];
    this.#partBytes = 0;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === newline || byte === carriageReturn || byte === space;
}
