import { describe, expect, test } from '@jest/globals';
import { compileFilters, type Filters } from '../../../src/sync/transform/filters.ts';

function passing(filters: Filters, paths: readonly string[]): string[] {
  return paths.filter(compileFilters(filters));
}

describe('a path filter', () => {
  const paths = ['kv/app/db', 'kv/app/dba', 'kv/team/db', 'kv/team/internal'];

  test.each<[string, Filters, string[]]>([
    ['lets everything pass when it says nothing', {}, paths],
    ['lets everything pass when its lists are empty', { regex: { include: [], exclude: [] }, path: {} }, paths],
    ['keeps what a pattern hits anywhere in the path', { regex: { include: ['app'] } }, ['kv/app/db', 'kv/app/dba']],
    ['keeps what one of several patterns hits', { regex: { include: ['dba', '^kv/team'] } }, paths.slice(1)],
    ['takes anchors as they are written', { regex: { include: ['db$'] } }, ['kv/app/db', 'kv/team/db']],
    [
      'drops what an exclude hits, whatever include says',
      { regex: { include: ['db'], exclude: ['team'] } },
      ['kv/app/db', 'kv/app/dba'],
    ],
    ['compares paths letter by letter', { path: { include: ['kv/app/db', 'kv/.*'] } }, ['kv/app/db']],
    ['drops a path by name', { path: { exclude: ['kv/team/db'] } }, ['kv/app/db', 'kv/app/dba', 'kv/team/internal']],
    [
      'wants both patterns and paths to agree',
      { regex: { include: ['app'] }, path: { include: ['kv/app/db', 'kv/team/db'] } },
      ['kv/app/db'],
    ],
    [
      'drops what only the paths exclude',
      { regex: { include: ['app'] }, path: { exclude: ['kv/app/db'] } },
      ['kv/app/dba'],
    ],
  ])('%s', (_title, filters, expected) => {
    expect(passing(filters, paths)).toEqual(expected);
  });

  test('tests the path of the secret, not the pattern that selected it', () => {
    const filter = compileFilters({ regex: { include: ['foo/bar/hello-[0-9]+'] } });

    expect([filter('foo/bar/hello-7'), filter('foo/bar/(.*)')]).toEqual([true, false]);
  });

  test.each<[string, Filters, string]>([
    ['is not RE2', { regex: { exclude: ['a', '(?=b)'] } }, 'filters.regex.exclude[1], "(?=b)", is not RE2'],
    ['is too long', { regex: { include: ['a'.repeat(513)] } }, 'filters.regex.include[0] has 513 characters'],
    ['grows too large', { regex: { include: ['(abcdefgh){900}'] } }, 'is too large when compiled'],
  ])('says which entry %s', (_title, filters, sentence) => {
    expect(() => compileFilters(filters)).toThrow(
      expect.objectContaining({ remedy: 'FixSpec', message: expect.stringContaining(sentence) }),
    );
  });
});
