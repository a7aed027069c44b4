import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { SyncError } from '../../src/errors.ts';
import { compilePattern } from '../../src/paths/patterns.ts';

function refusalOf(pattern: string): SyncError | null {
  try {
    compilePattern(pattern);
    return null;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

describe('compilePattern', () => {
  test('gives captures by number and by name; a group that took no part is empty', () => {
    const pattern = compilePattern('(?P<team>[a-z]+)/(db)?(?<rest>.*)');

    const captures = pattern.match('ops/web');

    expect(captures).toEqual({ numbered: ['ops', '', 'web'], named: { team: 'ops', rest: 'web' } });
  });

  test('a lazy group takes all that the anchors leave it', () => {
    const pattern = compilePattern('(.*?)');

    expect(pattern.match('app/db')?.numbered).toEqual(['app/db']);
  });

  test.each(['app/(db', 'a)(b', '*a', 'a\\', '(?=a)b', '(?!a)b', '(a)\\1', '[a'])(
    'refuses %s, which RE2 does not have, and says what to do',
    (pattern) => {
      const refusal = refusalOf(pattern);

      expect(refusal?.remedy).toBe('FixSpec');
      expect(refusal?.message).toContain(`the pattern "${pattern}" is not RE2`);
      expect(refusal?.message).toContain('needs a backslash before it');
    },
  );

  test('brackets that would only balance inside our anchors do not pass', () => {
    expect(refusalOf('a)|(?:b')?.reason).toBe('PatternInvalid');
  });

  test('takes what a glob of 512 characters becomes, and refuses what is longer', () => {
    expect(refusalOf('a'.repeat(1_900))).toBeNull();
    expect(refusalOf(`${'a'.repeat(3_072)}+`)?.message).toContain('at most 3072 are allowed');
  });

  test('refuses 100 kB of pattern without looking at it', () => {
    const startedAt = performance.now();

    const refusal = refusalOf('(a+)+'.repeat(20_000));

    expect(refusal?.reason).toBe('PatternTooLong');
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test.each(['((a{100}){100}){100}', '(a{1000}){1000}', 'a{1001}', '((a{0,30}){0,30}){0,30}', '(.{1000}){2}'])(
    'refuses %s, whose repeats would grow without bounds, with a sentence and at once',
    (pattern) => {
      const startedAt = performance.now();

      const refusal = refusalOf(pattern);

      expect(refusal?.remedy).toBe('FixSpec');
      expect(refusal?.message).toContain(pattern);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    },
  );

  test('refuses what compiles, but to too much', () => {
    expect(refusalOf('(?:[a-z]{1,900}/){1}(?:.{900}){1}(?:[0-9]{900})(?:x{900})(?:y{900})(?:z{900})')?.reason).toBe(
      'PatternTooLarge',
    );
  });

  test.each(['(a+)+$', '(a|a)*b', '(a*)*b', '(.*a){20}b', '([a-zA-Z]+)*$'])(
    'matches %s against 100,000 characters in linear time',
    (text) => {
      const pattern = compilePattern(text);
      const startedAt = performance.now();

      const matched = pattern.test(`${'a'.repeat(100_000)}!`);

      expect(matched).toBe(false);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    },
  );

  test('matches as the same pattern between anchors does, and captures the same', () => {
    const atom = fc.constantFrom(
      ...[
        'a',
        'b',
        '/',
        '.',
        '|',
        '(',
        ')',
        '(?:',
        '[ab]',
        '*',
        '+',
        '?',
        '*?',
        '{0,2}',
        '^',
        '$',
        '(?i)',
        '(?m)',
        '\n',
      ],
    );
    const text = fc.array(atom, { minLength: 1, maxLength: 9 }).map((atoms) => atoms.join(''));
    const name = fc.array(fc.constantFrom('a', 'b', '/', 'A', '\n'), { maxLength: 5 }).map((parts) => parts.join(''));
    let matching = 0;

    fc.assert(
      fc.property(
        text.filter((one) => refusalOf(one) === null),
        fc.array(name, { minLength: 10 }),
        (written, names) => {
          const pattern = compilePattern(written);
          const anchored = RE2JS.compile(`^(?:${written})$`);
          for (const one of names) {
            const expected = anchored.exec(one);
            matching += expected ? 1 : 0;
            expect(pattern.test(one)).toBe(expected !== null);
            expect(pattern.match(one)?.numbered).toEqual(expected?.slice(1).map((capture: unknown) => capture ?? ''));
          }
        },
      ),
      { seed: 1, numRuns: 1_000 },
    );
    expect(matching).toBeGreaterThan(1_000);
  });
});
