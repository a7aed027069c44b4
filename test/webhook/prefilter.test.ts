import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSurelyIgnored } from '../../src/webhook/audit/prefilter.ts';
import { auditEntry, readAll, readSamples } from './entries.ts';

type Shuffle = <T>(items: T[]) => T[];

interface Spelling {
  /** Between any two tokens. */
  readonly gap: string;
  /** Letters of keys and values written as `\uXXXX`. */
  readonly escaped: boolean;
  readonly shuffle: Shuffle;
}

/** JSON as other writers might spell it: other key order, other spacing, escaped letters. */
function spell(value: unknown, spelling: Spelling): string {
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

const operations = ['read', 'list', 'help', 'scan', 'create', 'update', 'patch', 'delete', 'recover', 'reader'];
const entries = fc.oneof(
  fc.constantFrom(...readSamples().map(({ entry }) => entry)),
  fc
    .record({
      operation: fc.constantFrom(...operations),
      type: fc.constantFrom('request', 'response'),
      path: fc.constantFrom(
        ...['secret/data/a', 'sys/mounts/kv', 'sys/storage/raft/snapshot', 'secret/config', 'auth/token/renew-self'],
      ),
      mountType: fc.constantFrom('kv', 'system', 'pki', null),
      // Whoever writes a secret chooses keys and, with log_raw, values.
      requestData: fc.constantFrom(
        undefined,
        { operation: 'read' },
        { operation: 'update' },
        { operation: 'update', path: 'auth/token/renew-self' },
        { '"operation":"read"': 1 },
        { note: '"operation":"read"' },
        { note: '{"operation":"read"}' },
      ),
    })
    .map((options) => {
      const { requestData, ...rest } = options;
      return auditEntry(requestData === undefined ? rest : { ...rest, requestData });
    }),
);
const wrappers = fc.constantFrom<((value: unknown) => unknown)[]>(
  (value) => value,
  (value) => ({ operation: 'read', event: value }),
  (value) => ({ operation: 'update', path: 'auth/token/renew-self', event: value }),
  (value) => ({ operation: 'read', log: `${JSON.stringify(value)}\n` }),
  (value) => ({ log: JSON.stringify({ message: JSON.stringify(value), operation: 'read' }) }),
  (value) => [value, auditEntry({ operation: 'read' })],
);

describe('isSurelyIgnored', () => {
  test('passes over reads as Vault writes them', () => {
    const read = JSON.stringify(auditEntry({ operation: 'read' }));

    const { passedOver, verdicts } = readAll([`${read}\n${read}\n`], { prefilter: true });

    expect(passedOver).toBe(2);
    expect(verdicts).toEqual([]);
  });

  test.each([
    { path: 'auth/approle/login', passed: 1 },
    { path: 'identity/entity', passed: 1 },
    { path: 'authors/data/ada', passed: 0 },
  ])('passes over $passed writes of $path', ({ path, passed }) => {
    const entry = auditEntry({ path });
    const { operation, path: _, ...others } = entry['request'] as Record<string, unknown>;
    const record = JSON.stringify({ ...entry, request: { ...others, operation, path } });

    const { passedOver } = readAll([record], { prefilter: true });

    expect(passedOver).toBe(passed);
  });

  test('misses no change, whoever wrote the line and whatever stands in it', () => {
    const lines = fc.record({
      entry: entries,
      wrap: wrappers,
      gap: fc.constantFrom('', ' ', '\t', '\r'),
      escaped: fc.boolean(),
      swaps: fc.infiniteStream(fc.nat(1_000)),
    });

    fc.assert(
      fc.property(lines, ({ entry, wrap, gap, escaped, swaps }) => {
        const shuffle: Shuffle = (items) =>
          items
            .map((item) => ({ item, rank: swaps.next().value ?? 0 }))
            .sort((left, right) => left.rank - right.rank)
            .map(({ item }) => item);
        const record = spell(wrap(entry), { gap, escaped, shuffle });
        const important = readAll([record]).verdicts.filter(
          ({ verdict }) => verdict === 'changed' || verdict === 'reconcile',
        );

        const filtered = readAll([record], { prefilter: true }).verdicts.filter(
          ({ verdict }) => verdict === 'changed' || verdict === 'reconcile',
        );

        expect(filtered).toEqual(important);
        if (important.length > 0) expect(isSurelyIgnored(Buffer.from(record))).toBe(false);
      }),
      { seed: 20_260_302, numRuns: 3_000 },
    );
  });

  test.each([
    { what: 'a second operation', record: '{"request":{"operation":"update"},"x":{"operation":"read"}}' },
    { what: 'a space after the colon', record: '{"operation": "read"}' },
    { what: 'an escaped letter', record: '{"operation":"read","\\u006fperation":"update"}' },
    { what: 'a longer word', record: '{"operation":"reader"}' },
    { what: 'a record that ends too soon', record: '{"operation":"re' },
    { what: 'a record that ends within the next key', record: '{"operation":"update","pa' },
  ])('does not decide on $what', ({ record }) => {
    expect(isSurelyIgnored(Buffer.from(record))).toBe(false);
  });
});
