import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern, type Pattern } from '../../src/paths/patterns.ts';
import { requiredTexts } from '../../src/paths/required-texts.ts';

describe('requiredTexts', () => {
  test.each([
    ['app/db', ['app/db']],
    ['app/(db|web)', ['app/db', 'app/web']],
    ['^v1\\.2/(?:a|b)?x$', ['v1.2/ax', 'v1.2/bx', 'v1.2/x']],
    ['a{01}', ['a{01}']],
    ['ab(?s)?c', ['abc', 'ac']],
    ['', ['']],
  ])('every match of %s is one of %j', (pattern, whole) => {
    expect(requiredTexts(pattern).whole).toEqual(whole);
  });

  test.each([
    ['team-17-.*', ['team-17-'], ['']],
    ['.*-17/db', [''], ['-17/db']],
    ['team-(.*)/db', ['team-'], ['/db']],
    ['(dev|prod)/.*', ['dev/', 'prod/'], ['']],
    ['(?P<env>dev|prod)-[0-9]+', ['dev-', 'prod-'], ['']],
    ['(ab)+c', ['ab'], ['abc']],
    ['ab?[x]', ['ab', 'a'], ['']],
    ['ab*[x]', ['a'], ['']],
    ['a{2,}b', ['a'], ['ab']],
    ['a{0}b.*', [''], ['']],
    ['a|.*b', [''], ['a', 'b']],
    ['app/(?i)db', ['app/'], ['']],
    ['app/[x]\\Qy\\E', ['app/'], ['']],
    ['app/\\Q\\E{0}[x]', ['app'], ['']],
    ['ab(?s)(?m)*[x]', ['a'], ['']],
    ['a[b]?(?i)*[x]', ['a'], ['']],
    ['a(?i)*[x]', [''], ['']],
    ['app/(?i)db|x', [''], ['']],
    ['(?i)app/db', [''], ['']],
    ['app/(?=x)', ['app/'], ['']],
    ['a\\x{62}c\\pLd', ['a'], ['d']],
    ['😀*x.', [''], ['']],
    ['a)b', [''], ['']],
    ['(', [''], ['']],
    ['.*', [''], ['']],
  ])('every match of %s begins with one of %j and ends with one of %j', (pattern, heads, tails) => {
    const required = requiredTexts(pattern);

    expect([required.whole, required.heads, required.tails]).toEqual([null, heads, tails]);
  });

  test.each([
    ['.*-17-.*', [['-17-']]],
    ['([^/]*)/app-17/((?s:.*))', [['/app-17/']]],
    ['.*/(a|b)c/.*', [['/ac/', '/bc/']]],
    ['.*one.*three.*', [['three'], ['one']]],
    ['.*(one.*|.*two).*', [['one', 'two']]],
    ['.*(one)?.*', []],
    ['.*(one.*|).*', []],
  ])('every match of %s holds one of each of %j', (pattern, inner) => {
    expect(requiredTexts(pattern).inner).toEqual(inner);
  });

  test('forgets what becomes too much', () => {
    const choices = Array.from({ length: 40 }, (_, index) => `x${index}`).join('|');

    expect(requiredTexts(`a/(${choices})/b`)).toMatchObject({ whole: null, heads: ['a/'], tails: ['/b'] });
    expect(requiredTexts(choices)).toMatchObject({ whole: null, heads: [''], tails: [''], inner: [] });
    expect(requiredTexts('(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)').heads).toHaveLength(32);
    expect(requiredTexts(`.*${'abc.*'.repeat(40)}`).inner.length).toBeLessThan(10);
  });

  test('never requires what a match lacks', () => {
    const atoms = [
      ...[
        'a',
        'b',
        'ab',
        '/',
        '.',
        '|',
        '|',
        '(',
        ')',
        '(?:',
        '[ab]',
        '[/|]',
        '[^a]',
        '[]a]',
        '[\\](]',
        '[[:alpha:](]',
      ],
      ...[
        '*',
        '+',
        '?',
        '*?',
        '+?',
        '{0}',
        '{1}',
        '{2}',
        '{0,2}',
        '{1,2}',
        '{2,}',
        '{01}',
        '{',
        '}',
        '\\|',
        '\\(',
        '\\/',
      ],
      ...[
        '\\Q',
        '\\E',
        '^',
        '$',
        '(?i)',
        '(?s)',
        '(?i:',
        '(?P<x>',
        'A',
        '-',
        '\\-',
        '\\d',
        '\\pL',
        '\\p{Greek}',
        '\\x41',
      ],
      ...['\\x{62}', '\\141', '\\b', '\\n', '😀', '.*', '(a|b)', '(ab)+', '\n'],
    ];
    // A few at a time, so that rare neighbours meet often.
    const pattern = fc
      .subarray(atoms, { minLength: 2, maxLength: 8 })
      .chain((some) => fc.array(fc.constantFrom(...some), { minLength: 1, maxLength: 9 }))
      .map((parts) => parts.join(''));
    const name = fc
      .array(fc.constantFrom('a', 'b', '/', 'A', '(', '|', '-', '1', '\n', '😀', '{01}'), { maxLength: 5 })
      .map((parts) => parts.join(''));
    const names = fc.sample(name, { seed: 1, numRuns: 40 });
    const seen = { matches: 0, told: 0 };

    fc.assert(
      fc.property(pattern, (text) => {
        const required = requiredTexts(text);
        const compiled = compiledOrNull(text);
        if (!compiled) return;
        const { whole, heads, tails, inner } = required;
        for (const one of [...names, ...heads, ...tails, ...(whole ?? [])].filter((sought) => compiled.test(sought))) {
          seen.matches += 1;
          if (!heads.includes('') || !tails.includes('') || inner.length > 0) seen.told += 1;
          if (whole) expect(whole).toContain(one);
          expect(heads.filter((head) => one.startsWith(head))).not.toEqual([]);
          expect(tails.filter((tail) => one.endsWith(tail))).not.toEqual([]);
          for (const texts of inner) expect(texts.filter((held) => one.includes(held))).not.toEqual([]);
        }
      }),
      { seed: 1, numRuns: 10_000 },
    );
    expect(seen.told).toBeGreaterThan(1_000);
    expect(seen.matches).toBeGreaterThan(seen.told);
  });
});

function compiledOrNull(text: string): Pattern | null {
  try {
    return compilePattern(text);
  } catch {
    return null;
  }
}
