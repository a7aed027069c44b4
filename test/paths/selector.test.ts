import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../src/errors.ts';
import { compilePattern } from '../../src/paths/patterns.ts';
import { matchName, parseSelector } from '../../src/paths/selector.ts';

function prefixOf(pattern: string): string {
  const selector = parseSelector({ mount: 'secret', path: pattern });
  return selector.kind === 'pattern' ? selector.prefix : 'literal';
}

describe('parseSelector', () => {
  test('takes the first segment for the mount and the rest for the name', () => {
    const selector = parseSelector({ path: 'secret/app/db' });

    expect(selector).toEqual({ kind: 'literal', mount: 'secret', name: 'app/db' });
  });

  test('takes the whole path for the name where the mount is named', () => {
    const selector = parseSelector({ mount: 'infra/kv-main', path: 'app/db' });

    expect(selector).toEqual({ kind: 'literal', mount: 'infra/kv-main', name: 'app/db' });
  });

  test.each([
    ['secret/app', 'literal'],
    ['secret/a.b', 'literal'],
    ['secret/^a$', 'literal'],
    ['secret/\\d', 'literal'],
    ['secret/a*', 'pattern'],
    ['secret/a+', 'pattern'],
    ['secret/a?', 'pattern'],
    ['secret/a|b', 'pattern'],
    ['secret/[ab]', 'pattern'],
    ['secret/(ab)', 'pattern'],
    ['secret/a/{b}', 'pattern'],
    ['secret/a\\+b', 'pattern'],
  ])('takes %s for a %s, as the ancestor does', (path, kind) => {
    expect(parseSelector({ path }).kind).toBe(kind);
  });

  test.each(['secret', 'secret/', '/app', ''])('refuses %j, which lacks a mount or a name', (path) => {
    expect(() => parseSelector({ path })).toThrow(/must be a mount and a name, e\.g\. secret\/app\/db/);
  });

  test('refuses a pattern where the mount stands, and says where to write it', () => {
    const parse = () => parseSelector({ path: '(a|b)/app' });

    expect(parse).toThrow(SyncError);
    expect(parse).toThrow(/write the mount out.*or use source\.mount/);
  });

  test('selects a name with special characters that are escaped', () => {
    const selector = parseSelector({ path: 'secret/a\\+b' });

    expect([matchName(selector, 'a+b'), matchName(selector, 'aab')]).toEqual([{ numbered: [], named: {} }, null]);
  });

  test('a pattern must match the whole name', () => {
    const selector = parseSelector({ path: 'secret/app/(db|web)' });

    const selected = ['app/db', 'app/web', 'app/db2', 'my/app/db', 'app/d', 'app/db\n'].filter((name) =>
      matchName(selector, name),
    );

    expect(selected).toEqual(['app/db', 'app/web']);
  });

  test('a glob takes what its wildcards allow, below a mount that is written out', () => {
    const selector = parseSelector({ path: 'secret/team-*/**' });

    const selected = ['team-a/db', 'team-a/b/c', 'team-a', 'my/team-a/db'].filter((name) => matchName(selector, name));

    expect(selector).toMatchObject({ kind: 'pattern', mount: 'secret', glob: 'team-*/**', prefix: '', base: 0 });
    expect(selected).toEqual(['team-a/db', 'team-a/b/c']);
  });

  test('a glob may begin where a mount is named', () => {
    const selector = parseSelector({ mount: 'infra/kv', path: '**' });

    expect(matchName(selector, 'app/db')).toEqual({ numbered: ['app/db'], named: {} });
  });

  test('the text of a glob selects the same to whoever knows only that', () => {
    const glob = parseSelector({ mount: 'secret', path: 'v1.2/team-*/**/db' });
    if (glob.kind !== 'pattern') throw new Error('not a pattern');

    const { test: takes } = compilePattern(glob.text);

    expect(['v1.2/team-a/db', 'v1.2/team-a/x/db', 'v1x2/team-a/db', 'v1.2/team-a/x'].filter(takes)).toEqual([
      'v1.2/team-a/db',
      'v1.2/team-a/x/db',
    ]);
  });

  test.each([`${'a'.repeat(508)}/**`, '*a'.repeat(256), '**/'.repeat(170).concat('*a'), `*${'^'.repeat(511)}`])(
    'takes a glob of 512 characters',
    (path) => {
      expect(parseSelector({ mount: 'secret', path })).toMatchObject({ glob: path });
    },
  );

  test('refuses a glob or pattern of more than 512 characters, and says where it stands', () => {
    const parse = (path: string) => () => parseSelector({ mount: 'secret', path, field: 'source.exclude[3]' });

    expect(parse(`${'a'.repeat(511)}**`)).toThrow('source.exclude[3] has 513 characters; at most 512 are allowed');
    expect(parse(`${'a'.repeat(512)}+`)).toThrow('source.exclude[3] has 513 characters; at most 512 are allowed');
  });

  test('says how to write a glob that a dot before a star makes a pattern', () => {
    const parse = () => parseSelector({ path: 'secret/v1.*/**' });

    expect(parse).toThrow(
      /With a "\." right before a "\*" it is a pattern; if a glob is meant, write v1\\\.\(\[\^\/\]\*\)\/\(\(\?s:\.\*\)\)/,
    );
  });

  test('an alternative is anchored on both sides, unlike the ancestor, which let zzzc through', () => {
    const selector = parseSelector({ path: 'secret/a/b|c' });

    const selected = ['a/b', 'c', 'zzzc', 'a/bzz'].filter((name) => matchName(selector, name));

    expect(selected).toEqual(['a/b', 'c']);
  });
});

describe('the folders that every match lies below', () => {
  test.each([
    ['.*', ''],
    ['app/.*', 'app/'],
    ['team/app/(db|web)', 'team/app/'],
    ['team/app-.*', 'team/'],
    ['v1.2/.*', ''],
    ['a/b+', 'a/'],
    ['a/+b', 'a/'],
    ['a/[x]?/*b', 'a/'],
    ['x/(?:a)/*b', 'x/'],
    ['a/?b', ''],
    ['a/{0}b', ''],
    ['a/b|c', ''],
    ['(a/b|c)/d', ''],
    ['(a/b|a/c)/d', 'a/'],
    ['v1\\.2/.*', 'v1.2/'],
    ['/a/.*', '/a/'],
    ['a/(b|c)', 'a/'],
    ['a/[|]', 'a/'],
    ['a/\\|+', 'a/'],
    ['a/[\\](]|c', ''],
    ['a/[[:alpha:](]|c', ''],
    ['a/\\Q(\\E|c', ''],
    ['(?i)app/.*', ''],
    ['\\Qa/b\\E.*', ''],
    ['a/(?i)b/.*', 'a/'],
    ['team-*', ''],
    ['team-*/**', ''],
    ['a/team-*', 'a/'],
    ['a/b/**', 'a/b/'],
    ['a/**/b', 'a/'],
    ['a**/b', ''],
    ['**/a/b', ''],
    ['v1.2/x/*', 'v1.2/x/'],
    ['/*', '/'],
  ])('of %s are %j', (pattern, prefix) => {
    expect(prefixOf(pattern)).toBe(prefix);
  });

  test('hold every name that the pattern matches', () => {
    const atom = fc.constantFrom(
      ...['a', 'b', '/', '.', '|', '(', ')', '(?:', '[ab]', '[/|]', '[^a]', '[]a]', '[\\](]', '[[:alpha:](]', '*'],
      ...['+', '?', '{0}', '{0,2}', '\\|', '\\(', '\\/', '\\Q', '\\E', '^', '$', '(?i)', 'A', '-', '\\d', '\\pL'],
    );
    const pattern = fc
      .array(atom, { minLength: 1, maxLength: 9 })
      .map((atoms) => atoms.join(''))
      .filter(isPattern);
    const name = fc.array(fc.constantFrom('a', 'b', '/', 'A', '(', '|', '-', '1'), { maxLength: 4 });
    const names = [
      'a',
      'b',
      'a/b',
      'b/a',
      'a/',
      ...fc.sample(name, { seed: 1, numRuns: 30 }).map((parts) => parts.join('')),
    ];
    let matches = 0;

    fc.assert(
      fc.property(pattern, (text) => {
        const selector = parseSelector({ mount: 'secret', path: text });
        if (selector.kind !== 'pattern') return;
        const found = names.filter((one) => selector.pattern.test(one));
        const prefix = prefixOf(text);
        matches += found.length;
        expect(found.filter((match) => !match.startsWith(prefix))).toEqual([]);
      }),
      { seed: 1, numRuns: 1_500 },
    );
    expect(matches).toBeGreaterThan(1_000);
  });
});

function isPattern(text: string): boolean {
  try {
    return parseSelector({ mount: 'secret', path: text }).kind === 'pattern';
  } catch {
    return false;
  }
}
