import { gunzipSync } from 'node:zlib';
import type { Complexity } from './complexity.ts';
import type { Reason } from './verdict.ts';

/** How much may be decoded for one record, in all; `problem` says why some of it was not. */
export interface DecodeBudget {
  bytes: number;
  /** Of the record, and of all that was decoded so far. */
  readonly complexity: Complexity;
  problem: Extract<Reason, 'TooLong' | 'TooComplex' | 'BadEncoding'> | null;
}

/** What `{"`, `{` with a line break, `[{` and gzip begin with in base64. */
export const beginnings = ['eyJ', 'ewo', 'W3s', 'H4sI'];
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * What stands in a string that is base64 of JSON, or of gzip with JSON in it: Amazon Data Firehose and Google's Pub/Sub
 * send lines so. Null for any other string, and for one that the budget does not reach for.
 * @see https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
 */
export function decodeText(text: string, budget: DecodeBudget): Buffer | null {
  if (!beginnings.some((beginning) => text.startsWith(beginning)) || !base64.test(text)) return null;
  const decoded = text.startsWith('H4sI') ? inflate(Buffer.from(text, 'base64'), budget) : Buffer.from(text, 'base64');
  if (decoded === null) return null;
  if (decoded.length > budget.bytes) {
    budget.problem = 'TooLong';
    return null;
  }
  if (budget.complexity.isExceededWith(decoded)) {
    budget.problem = 'TooComplex';
    return null;
  }
  budget.bytes -= decoded.length;
  return decoded;
}

function inflate(bytes: Buffer, budget: DecodeBudget): Buffer | null {
  if (budget.bytes <= 0) {
    budget.problem = 'TooLong';
    return null;
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: budget.bytes });
  } catch (error) {
    const isTooLong = (error as { code?: unknown } | null)?.code === 'ERR_BUFFER_TOO_LARGE';
    budget.problem = isTooLong ? 'TooLong' : 'BadEncoding';
    return null;
  }
}
