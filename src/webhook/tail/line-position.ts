const newline = 0x0a;

/**
 * Where reading stands in a file. Bytes are passed on as they come, cut anywhere; what is remembered is where the last
 * whole line ends, so that whoever begins there again misses no line.
 */
export class LinePosition {
  #next: number;
  #lineEnd: number;

  /** `offset`: where a line begins. */
  constructor(offset: number) {
    this.#next = offset;
    this.#lineEnd = offset;
  }

  /** Offset of the bytes to read next. */
  get next(): number {
    return this.#next;
  }

  /** Offset of the end of the last whole line passed. */
  get lineEnd(): number {
    return this.#lineEnd;
  }

  pass(chunk: Buffer): void {
    const at = chunk.lastIndexOf(newline);
    if (at >= 0) this.#lineEnd = this.#next + at + 1;
    this.#next += chunk.length;
  }
}
