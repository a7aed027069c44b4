import fc from 'fast-check';
import { auditEntry, type EntryOptions, otlp, pairs } from './entries.ts';

export type Shuffle = <T>(items: T[]) => T[];

interface Spelling {
  /** Between any two tokens. */
  readonly gap: string;
  /** Letters of keys and values written as `\uXXXX`. */
  readonly escaped: boolean;
  readonly shuffle: Shuffle;
}

/** JSON as other writers might spell it: other key order, other spacing, escaped letters. */
export function spell(value: unknown, spelling: Spelling): string {
  const { gap, escaped, shuffle } = spelling;
  if (Array.isArray(value)) return `[${value.map((item) => spell(item, spelling)).join(`${gap},${gap}`)}]`;
  if (typeof value === 'object' && value !== null) {
    const members = shuffle(Object.entries(value)).map(
      ([key, child]) => `${spell(key, spelling)}${gap}:${gap}${spell(child, spelling)}`,
    );
    return `{${gap}${members.join(`${gap},`)}${gap}}`;
  }
  const text = JSON.stringify(value);
  if (!escaped || typeof value !== 'string') return text;
  return text.replace(/o/g, '\\u006f');
}

/** Puts items into an order that the ranks say. */
export function shuffledBy(ranks: Iterator<number>): Shuffle {
  return (items) =>
    items
      .map((item) => ({ item, rank: ranks.next().value ?? 0 }))
      .sort((left, right) => left.rank - right.rank)
      .map(({ item }) => item);
}

/** What log shippers, and worse, put around an entry. */
export const wrappers = fc.constantFrom<((value: unknown) => unknown)[]>(
  (value) => value,
  (value) => ({ operation: 'read', event: value }),
  (value) => ({ operation: 'update', path: 'auth/token/renew-self', event: value }),
  (value) => ({ operation: 'read', log: `${JSON.stringify(value)}\n` }),
  (value) => ({ log: `${JSON.stringify(value)}\n`, stream: 'stdout' }),
  (value) => ({ type: 'request', message: `\t${JSON.stringify(value)}\r\n` }),
  (value) => ({ message: JSON.stringify(value, null, 1) }),
  (value) => ({ message: `"operation":"read" ${JSON.stringify(value)}` }),
  (value) => ({ message: JSON.stringify({ type: 'request', request: { operation: 'read' } }) + JSON.stringify(value) }),
  (value) => ({ log: JSON.stringify({ message: JSON.stringify(value), operation: 'read' }) }),
  (value) => [value, auditEntry({ operation: 'read' })],
  (value) => ({ body: otlp(value) }),
  (value) => ({ operation: 'read', type: 'request', attributes: pairs(value as object) }),
);

/** As Vault writes it before the request is carried out: without a response. */
export function requestOnly(options: EntryOptions): Record<string, unknown> {
  const { response: _, ...entry } = auditEntry({ ...options, type: 'request' });
  return entry;
}

/** Vault since 1.17 writes the path right behind the operation. */
export function withPathBehindOperation(entry: Record<string, unknown>): Record<string, unknown> {
  const { operation, path, ...others } = entry['request'] as Record<string, unknown>;
  return { ...entry, request: { ...others, operation, path } };
}

/** As Vault since 1.17 writes objects: their keys in the order of the alphabet. */
export const inOrder: Shuffle = (items) => items.toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
