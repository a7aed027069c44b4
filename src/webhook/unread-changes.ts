import { trimSlashes } from '../paths/places.ts';
import { speaksOfKv } from './audit/mount-type.ts';
import { AuditReader } from './audit/reader.ts';
import { unreadChange, type Verdict, type VerdictKind } from './audit/verdict.ts';
import type { Clock } from './clock.ts';
import type { HeardPlace, InterestIndex } from './interest-index.ts';
import type { RecentChange } from './recent-changes.ts';
import { type Unread, UnreadGeneration } from './unread-generation.ts';

const keptMs = 60_000;
/** Longer records are parsed, as if they could not be seen through. */
const longestRecord = 16 * 1024;
const noBytes: Buffer = Buffer.alloc(0);

/** A record as it is heard, and what it shows; the bytes are valid only during the call. */
export interface UnreadRecord {
  readonly vault: string;
  /** See `Glimpse`. */
  readonly paths: readonly string[];
  readonly record: Buffer;
  readonly index: InterestIndex;
}

/**
 * Remembers for a minute the records that were passed over because nobody wants what they may tell of: the latest for each
 * place, unparsed. It is what `RecentChanges` is for records that were parsed, and spares those that come again and again
 * the question whether somebody wants them.
 *
 * There are two generations, so that keeping one more costs the same however many there are: when the younger is full, or
 * a minute old, the older is forgotten as a whole. What is heard again moves to the younger.
 */
export class UnreadChanges {
  readonly #clock: Clock;
  #young: UnreadGeneration;
  #old: UnreadGeneration;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#young = new UnreadGeneration(clock.now());
    this.#old = new UnreadGeneration(clock.now());
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Keeps a record if nobody wants it; returns what it counts as, or null if it must be parsed. */
  keepUnwanted({ vault, paths, record, index }: UnreadRecord): VerdictKind | null {
    if (record.length > longestRecord) return null;
    const key = paths.length === 1 ? `${vault}\n${paths[0]}` : [vault, ...paths].join('\n');
    const young = this.#young.get(key);
    const known = young ?? this.#old.get(key);
    if (known?.index !== index && mayWant(index, vault, paths)) return null;
    const heardAt = this.#clock.now();
    if (known === undefined) {
      const verdict: VerdictKind = speaksOfKv(record) ? 'changed' : 'ignored';
      const unread: Unread = { vault, paths, verdict, index, hasReplaced: false, heardAt, bytes: noBytes, length: 0 };
      this.#add(key, unread, record);
      return verdict;
    }
    known.index = index;
    known.hasReplaced = true;
    known.heardAt = heardAt;
    if (young && record.length <= young.bytes.length) young.length = record.copy(young.bytes);
    else this.#add(key, known, record);
    return known.verdict;
  }

  /**
   * Takes out what an index may want, parsed, and forgets what is older than a minute. Where the latest record of a place
   * tells of no change and others came before it, it is taken for one: better once too often than never.
   */
  takeWanted(index: InterestIndex): RecentChange[] {
    const oldest = this.#clock.now() - keptMs;
    const wanted: RecentChange[] = [];
    for (const generation of [this.#old, this.#young]) {
      for (const [key, unread] of generation.entries()) {
        const { vault, paths, heardAt } = unread;
        unread.index = index;
        if (heardAt >= oldest && !mayWant(index, vault, paths)) continue;
        generation.delete(key);
        if (heardAt >= oldest) wanted.push(...changesOf(unread).map((verdict) => ({ vault, verdict, heardAt })));
      }
    }
    return wanted;
  }

  #add(key: string, unread: Unread, record: Buffer): void {
    this.#old.delete(key);
    this.#young.delete(key);
    const { heardAt } = unread;
    if (heardAt - this.#young.begunAt < keptMs && this.#young.add(key, unread, record)) return;
    const { memory } = this.#old;
    this.#old = this.#young;
    this.#young = new UnreadGeneration(heardAt, memory);
    this.#young.add(key, unread, record);
  }
}

function mayWant(index: InterestIndex, vault: string, paths: readonly string[]): boolean {
  return placesOf(vault, paths).some((place) => index.mayWant(place));
}

/** The places that one of several paths may mean: another may be that of its namespace. */
function placesOf(vault: string, paths: readonly string[]): Omit<HeardPlace, 'mount'>[] {
  const namespaces = paths.length === 1 ? [''] : ['', ...paths.map(trimSlashes)];
  return paths.flatMap((path) => namespaces.map((namespace) => ({ vault, namespace, path })));
}

function changesOf({ vault, paths, bytes, length, hasReplaced }: Unread): Verdict[] {
  const changes: Verdict[] = [];
  const reader = new AuditReader({
    maxRecordBytes: length,
    prefilter: false,
    sink: {
      verdict(verdict) {
        if (verdict.verdict === 'changed' || verdict.verdict === 'reconcile') changes.push(verdict);
      },
      passedOver: () => undefined,
    },
  });
  reader.push(bytes.subarray(0, length));
  reader.end();
  if (changes.length > 0 || !hasReplaced) return changes;
  return placesOf(vault, paths).map(({ namespace, path }) => unreadChange(namespace, path));
}
