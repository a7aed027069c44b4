import type { VerdictKind } from './audit/verdict.ts';
import type { InterestIndex } from './interest-index.ts';

/** A record that was passed over, and what is known of it. */
export interface Unread {
  readonly vault: string;
  /** See `Glimpse`. */
  readonly paths: readonly string[];
  readonly verdict: VerdictKind;
  /** The last index that was asked: nobody wanted it. */
  index: InterestIndex;
  /** Others of these paths came before: what they held is not known. */
  hasReplaced: boolean;
  /** Unix time in milliseconds. */
  heardAt: number;
  /** The latest record, and what is left of a longer one behind it. */
  bytes: Buffer;
  length: number;
}

const mostUnread = 10_000;
/** Memory of which nothing is used until it is needed. */
const mostBytes = 8 * 1024 * 1024;
/** The next record of a place is seldom of the very same length. */
const spare = 64;

/** Records that were kept one after the other, up to a bound. */
export class UnreadGeneration {
  readonly begunAt: number;
  readonly #memory: Buffer;
  readonly #unread = new Map<string, Unread>();
  #used = 0;

  /** `memory`: that of a generation that is over. */
  constructor(begunAt: number, memory: Buffer = Buffer.allocUnsafeSlow(mostBytes)) {
    this.begunAt = begunAt;
    this.#memory = memory;
  }

  get size(): number {
    return this.#unread.size;
  }

  get memory(): Buffer {
    return this.#memory;
  }

  get(key: string): Unread | undefined {
    return this.#unread.get(key);
  }

  delete(key: string): boolean {
    return this.#unread.delete(key);
  }

  entries(): MapIterator<[string, Unread]> {
    return this.#unread.entries();
  }

  /** Puts a record into a place of its own; false if there is no room. */
  add(key: string, unread: Unread, record: Buffer): boolean {
    const end = this.#used + record.length + spare;
    if (end > mostBytes || this.#unread.size >= mostUnread) return false;
    unread.bytes = this.#memory.subarray(this.#used, end);
    this.#used = end;
    unread.length = record.copy(unread.bytes);
    this.#unread.set(key, unread);
    return true;
  }
}
