import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileGlob, globToPattern, isGlob } from '../../src/paths/glob.ts';
import { compilePattern } from '../../src/paths/patterns.ts';

describe('isGlob', () => {
  test.each(['*', '**', 'team-*', 'team-*/**', '**/db', 'a/*/b', 'v1.2/*', 'a*.b', '^a*$', 'a b*'])(
    '%s is one',
    (path) => {
      expect(isGlob(path)).toBe(true);
    },
  );

  test.each([
    'app/.*',
    'v1.*',
    'team-*/.*',
    '.**',
    'a\\*',
    'team-\\d*',
    'v1\\.2/*',
    '[ab]*',
    '(a)*',
    'a*|b',
    'a+*',
    'a?*',
  ])('%s is a pattern, as for the ancestor', (path) => {
    expect(isGlob(path)).toBe(false);
  });

  test.each(['app', 'a.b', '\\d'])('%s is none, having no wildcard', (path) => {
    expect(isGlob(path)).toBe(false);
  });
});

describe('compileGlob', () => {
  test.each([
    ['secret/app', ['secret/app'], ['secret/app2', 'my/secret/app', 'secret']],
    ['secret/*', ['secret/app', 'secret/'], ['secret/app/db', 'secret']],
    ['secret/**', ['secret/app', 'secret/app/db', 'secret/'], ['secrets/app', 'secret']],
    ['team-*', ['team-a', 'team-'], ['team-a/b', 'xteam-a']],
    ['team-*/**', ['team-a/db', 'team-a/b/c', 'team-/x'], ['team-a', 'team', 'x/team-a/db']],
    ['*/db', ['app/db', '/db'], ['a/b/db']],
    ['**/db', ['db', 'app/db', 'a/b/db'], ['appdb', 'app/db/x', 'app/mydb']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb', 'ax/b', 'a/b/c']],
    ['a**/b', ['a/b', 'ax/b', 'a/x/b'], ['ab', 'xa/b']],
    ['a/**b', ['a/b', 'a/xb', 'a/x/b'], ['a', 'ab']],
    ['**/**', ['', 'a', 'a/b'], []],
    ['a/***/b', ['a/b', 'a/x/b'], ['ab']],
    ['a***', ['a', 'ab', 'a/b'], ['b']],
    ['**', ['', 'a', 'a/b\nc'], []],
    ['*', ['', 'a', 'a\nb'], ['a/b']],
    ['a.b', ['a.b'], ['axb']],
    ['a+(b)[c]{d}^$|?\\', ['a+(b)[c]{d}^$|?\\'], ['aa']],
    ['\\Qa\\E(?i)*', ['\\Qa\\E(?i)', '\\Qa\\E(?i)b'], ['a', '\\QA\\E(?i)']],
    ['aws:eu-west-1:/team-a/**', ['aws:eu-west-1:/team-a/db'], ['aws:eu-west-1:123456789012/team-a/db']],
  ])('%s', (glob, matching, others) => {
    const matches = compileGlob(glob);

    expect([...matching, ...others].filter(matches)).toEqual(matching);
  });

  test('agrees with reading glob and name side by side', () => {
    const glob = fc.array(fc.constantFrom('a', 'b', '/', '*', '**', '**/', '.', '+', '\n', '😀'), { maxLength: 8 });
    const name = fc.array(fc.constantFrom('a', 'b', '/', '.', '\n', '😀', '+', 'ab'), { maxLength: 8 });
    let matching = 0;

    fc.assert(
      fc.property(glob, name, (globParts, nameParts) => {
        const [written, sought] = [globParts.join(''), nameParts.join('')];
        const expected = takesNaively(written, sought);
        matching += expected ? 1 : 0;
        expect(compileGlob(written)(sought)).toBe(expected);
      }),
      { seed: 1, numRuns: 5_000 },
    );
    expect(matching).toBeGreaterThan(300);
  });

  test('many stars take linear time', () => {
    const matches = compileGlob('*a'.repeat(100));
    const startedAt = performance.now();

    expect(matches(`${'a'.repeat(20_000)}!`)).toBe(false);

    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});

describe('globToPattern', () => {
  test.each([
    ['team-*/**', 'team-a/shop/db', ['a', 'shop/db']],
    ['**/db', 'db', ['']],
    ['**/db', 'a/b/db', ['a/b']],
    ['a/**/b/*', 'a/b/c', ['', 'c']],
    ['a/**/b/*', 'a/x/y/b/c', ['x/y', 'c']],
    ['*.*', 'a.b', ['a', 'b']],
  ])('each wildcard of %s captures what it took of %s', (glob, name, captures) => {
    expect(compilePattern(globToPattern(glob)).match(name)?.numbered).toEqual(captures);
  });

  test('what the wildcards captured, in their places, is the name', () => {
    const part = fc.constantFrom('a', 'b', '/', '.', '-', '*', '**');
    const glob = fc
      .array(part, { minLength: 1, maxLength: 8 })
      .map((parts) => parts.join(''))
      .filter((text) => text.includes('*') && !text.includes('**/'));
    const name = fc.array(fc.constantFrom('a', 'b', '/', '.', '-'), { maxLength: 8 }).map((parts) => parts.join(''));
    let matching = 0;

    fc.assert(
      fc.property(glob, name, (written, sought) => {
        const captures = compilePattern(globToPattern(written)).match(sought)?.numbered;
        if (!captures) return;
        matching += 1;
        let next = 0;
        expect(written.replace(/\*+/g, () => captures[next++] ?? 'none')).toBe(sought);
        expect(next).toBe(captures.length);
      }),
      { seed: 1, numRuns: 5_000 },
    );
    expect(matching).toBeGreaterThan(300);
  });
});

/** What a glob takes, by trying every length of every wildcard. */
function takesNaively(glob: string, name: string, at = 0): boolean {
  if (at === glob.length) return name === '';
  const stars = /^\*+/.exec(glob.slice(at))?.[0].length ?? 0;
  if (stars === 0) return name[0] === glob[at] && takesNaively(glob, name.slice(1), at + 1);
  const rest = at + stars;
  const lengths = Array.from({ length: name.length + 1 }, (_, length) => length);
  if (stars === 1)
    return lengths.some(
      (length) => !name.slice(0, length).includes('/') && takesNaively(glob, name.slice(length), rest),
    );
  const wholeSegments = (at === 0 || glob[at - 1] === '/') && glob[rest] === '/';
  if (!wholeSegments) return lengths.some((length) => takesNaively(glob, name.slice(length), rest));
  return (
    takesNaively(glob, name, rest + 1) ||
    lengths.some((length) => name[length] === '/' && takesNaively(glob, name.slice(length + 1), rest + 1))
  );
}
