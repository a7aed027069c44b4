import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodePath } from '../../src/vault/api-path.ts';

const names = fc
  .array(
    fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((part) => !/[/\p{Cc}]|^\.\.?$/u.test(part) && part.isWellFormed()),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join('/'));

describe('a path in the API', () => {
  test('stays one path through URL parsing, and says the name that was meant', () => {
    fc.assert(
      fc.property(names, (name) => {
        const url = new URL(`https://vault.example/v1/secret/data/${encodePath(name)}`);

        expect(url.search + url.hash).toBe('');
        expect(decodeURIComponent(url.pathname)).toBe(`/v1/secret/data/${name}`);
      }),
      { seed: 11, numRuns: 2000 },
    );
  });

  test.each(['..', '.', 'a/../b', 'a/./b', 'a//b', '/a', 'a/', '', 'tab\tbed', 'nul\0', '\ud83d'])(
    'refuses %j',
    (name) => {
      expect(() => encodePath(name)).toThrow(/cannot be a path in Vault/);
    },
  );
});
