import { describe, expect, test } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { expandName, matchName, parseSelector } from '../../src/paths/selector.ts';

function expand(path: string, template: string | undefined, name: string) {
  const selector = parseSelector({ path });
  const captures = matchName(selector, name);
  if (!captures) throw new Error(`${path} does not select ${name}`);
  return expandName({ template, selector, name, captures });
}

describe('expandName', () => {
  test('a copy without a name of its own is called as the secret within its mount', () => {
    expect(expand('secret/app/db', undefined, 'app/db')).toEqual({ name: 'app/db', derived: true });
  });

  test('a name written out for one secret is used as it is', () => {
    expect(expand('secret/app/db', 'prod $1 db', 'app/db')).toEqual({ name: 'prod $1 db', derived: false });
  });

  // What the ancestor was seen to do (its own tests, and runs of it).
  test.each([
    ['kv/.*', 'd', 'a/b', 'd/a/b'],
    ['kv/a-.*', 'd', 'a-1', 'd/a-1'],
    ['kv/(.*)', 'd/$1', 'foo', 'd/foo'],
    ['kv/team-a/.*', 'd', 'team-a/db', 'd/db'],
    ['kv/team-a/x/[a-z]+', 'd/', 'team-a/x/db', 'd/db'],
    ['kv/v1.2/.*', 'd', 'v1.2/db', 'd/db'],
    ['kv/(.*)/(.*)', '$2/$1', 'a/b', 'b/a'],
    ['kv/(.*)', '$1-$1', 'x', 'x-x'],
  ])('%s named %s calls %s %s, as the ancestor does', (path, template, name, expected) => {
    expect(expand(path, template, name)).toEqual({ name: expected, derived: true });
  });

  // Where the ancestor's behaviour is not what its users mean.
  test.each([
    ['a named group counts as a group', 'kv/(?P<team>.*)', 'd/$1', 'foo', 'd/foo'],
    ['a named group can be used by its name', 'kv/(?P<team>.*)', 'd/${team}', 'foo', 'd/foo'],
    ['a lazy group has the same text at every reading', 'kv/(.*?)', 'd/$1', 'foo', 'd/foo'],
    ['braces part a number from a digit', 'kv/(.*)', 'd/${1}0', 'a', 'd/a0'],
    ['a captured text is never expanded again', 'kv/(.*)/(.*)', '$1-$2', '$2/x', '$2-x'],
    ['an escaped folder is a folder', 'kv/a\\.b/.*', 'd', 'a.b/db', 'd/db'],
    ['an alternative that leaves the folder keeps its whole name', 'kv/a/b|c', 'd', 'c', 'd/c'],
    ['a group without a number is none', 'kv/(?:a|b)/.*', 'd', 'a/x', 'd/a/x'],
  ])('%s', (_title, path, template, name, expected) => {
    expect(expand(path, template, name)).toEqual({ name: expected, derived: true });
  });

  test('$10 is the tenth group, not the first and a zero', () => {
    const path = `kv/${'(.)'.repeat(10)}`;

    expect(expand(path, '$10-$1', 'abcdefghij').name).toBe('j-a');
  });

  test('a name without any reference is no derived name', () => {
    expect(expand('kv/(.*)', 'fixed', 'foo')).toEqual({ name: 'fixed', derived: false });
  });

  test.each(['$2', '$0', '$10', '${2}', '${team}', '${toString}', '${__proto__}'])(
    'refuses %s where the pattern has one group without a name',
    (template) => {
      const expanding = () => expand('kv/(.*)', `d/${template}`, 'foo');

      expect(expanding).toThrow(SyncError);
      expect(expanding).toThrow(`uses ${template}, but the pattern "(.*)" has 1 capture group`);
    },
  );

  test('names the groups there are', () => {
    expect(() => expand('kv/(?P<team>.*)/(?P<app>.*)', '${tema}', 'a/b')).toThrow(
      'has 2 capture groups, named team, app',
    );
  });
});
