import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSearch } from '../../src/webhook/audit/search.ts';

describe('createSearch', () => {
  test('finds what Buffer.indexOf finds, wherever it begins to look', () => {
    // Few different letters, so that texts overlap themselves and begin again before they end.
    const letters = fc.constantFrom('a', 'b', '"');
    const text = fc.string({ unit: letters, minLength: 1, maxLength: 8 });
    const haystack = fc
      .array(fc.oneof(text, letters, fc.constant('…')), { maxLength: 30 })
      .map((parts) => parts.join(''));

    fc.assert(
      fc.property(text, haystack, fc.nat(40), (wanted, parts, from) => {
        const bytes = Buffer.from(parts);

        const found = createSearch(wanted)(bytes, from);

        expect(found).toBe(from > bytes.length ? -1 : bytes.indexOf(wanted, from, 'latin1'));
      }),
      { seed: 20_260_303, numRuns: 3_000 },
    );
  });

  test('finds a text at the very beginning and at the very end', () => {
    const search = createSearch('"operation');

    expect(search(Buffer.from('"operation'), 0)).toBe(0);
    expect(search(Buffer.from('"type":"x","operation'), 0)).toBe(11);
    expect(search(Buffer.from('"operatio'), 0)).toBe(-1);
  });
});
