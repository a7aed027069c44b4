import { type DecodeBudget, decodeText } from './encoded.ts';
import { objectOfPairs } from './key-values.ts';
import { isAuditEntry } from './project.ts';
import { RecordSplitter } from './records.ts';

/** OTLP, the deepest wrapping known, needs ten layers. */
const maxDepth = 12;

export interface Visit {
  readonly entry: (entry: unknown) => void;
  readonly budget: DecodeBudget;
}

/**
 * Calls `visit.entry` with each audit entry in a parsed record: itself, or wrapped by a log shipper in objects, arrays and
 * strings. Never looks into an entry: whoever writes a secret chooses what stands there. Returns how many there were.
 */
export function visitEntries(value: unknown, visit: Visit, depth = 0): number {
  if (depth > maxDepth) return 0;
  if (typeof value === 'string') return visitText(value, visit, depth);
  if (typeof value !== 'object' || value === null) return 0;
  if (isAuditEntry(value)) {
    visit.entry(value);
    return 1;
  }
  const pairs = Array.isArray(value) ? objectOfPairs(value) : null;
  if (pairs) return visitEntries(pairs, visit, depth + 1);
  let count = 0;
  for (const child of Object.values(value)) count += visitEntries(child, visit, depth + 1);
  return count;
}

/** A string may hold lines as the shipper read them. What is no JSON there is text, not a broken entry. */
function visitText(text: string, visit: Visit, depth: number): number {
  const bytes = text.includes('{') ? Buffer.from(text) : decodeText(text, visit.budget);
  if (bytes === null) return 0;
  let count = 0;
  const splitter = new RecordSplitter({
    maxBytes: bytes.length,
    sink: {
      record(record) {
        for (const value of parseRecord(record)?.values ?? []) count += visitEntries(value, visit, depth + 1);
      },
      malformed: () => undefined,
    },
  });
  splitter.push(bytes);
  splitter.end();
  return count;
}

/** What a record holds: usually one value. `broken` tells that part of it is no JSON. */
export interface ParsedRecord {
  readonly values: readonly unknown[];
  readonly broken: boolean;
}

/** Parses a record. One that fails as a whole may be several objects in one line. */
export function parseRecord(record: Buffer): ParsedRecord {
  const whole = parse(record);
  if (whole !== undefined) return { values: [whole], broken: false };
  const values: unknown[] = [];
  let broken = false;
  const splitter = new RecordSplitter({
    maxBytes: record.length,
    sink: {
      record(piece) {
        const value = piece.length === record.length ? undefined : parse(piece);
        if (value === undefined) broken = true;
        else values.push(value);
      },
      malformed() {
        broken = true;
      },
    },
  });
  splitter.push(record);
  splitter.end();
  return { values, broken };
}

/** Undefined for what is no JSON, which JSON itself cannot say. The error is not kept: it quotes the text. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
