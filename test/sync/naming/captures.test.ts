import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../../src/errors.ts';
import { compileName } from '../../../src/sync/naming/text.ts';
import { someParts } from './some-parts.ts';

function expand(path: string, template: string | undefined, name: string) {
  return compileName(template, { granularity: 'secret' }).expand(someParts(path, name));
}

describe('a name with captures', () => {
  test('a copy without a name of its own is called as the secret within its mount', () => {
    expect(expand('kv/app/db', undefined, 'app/db')).toEqual({ text: 'app/db', derived: true });
  });

  test('a name written out for one secret is used as it is', () => {
    expect(expand('kv/app/db', 'prod $1 ${x} db', 'app/db')).toEqual({ text: 'prod $1 ${x} db', derived: false });
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
    expect(expand(path, template, name)).toEqual({ text: expected, derived: true });
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
    expect(expand(path, template, name)).toEqual({ text: expected, derived: true });
  });

  test.each([
    ['kv/team-*/db', '$1', 'team-a/db', 'a'],
    ['kv/team-*/**', '${1}/$2', 'team-a/app/db', 'a/app/db'],
    ['kv/team-a/**', 'd', 'team-a/app/db', 'd/app/db'],
    ['kv/team-a/*', 'd/', 'team-a/db', 'd/db'],
    ['kv/*', 'price $', 'db', 'price $/db'],
    ['kv/*', undefined, 'db', 'db'],
  ])('the glob %s named %s calls %s %s', (path, template, name, expected) => {
    expect(expand(path, template, name)).toEqual({ text: expected, derived: true });
  });

  test('a wildcard that the glob does not have is refused', () => {
    expect(() => expand('kv/team-*/**', '$1/$3', 'team-a/x')).toThrow(
      'the name "$1/$3" uses $3, but the glob "team-*/**" has 2 wildcards; a $ that is meant',
    );
  });

  test('$10 is the tenth group, not the first and a zero', () => {
    const path = `kv/${'(.)'.repeat(10)}`;

    expect(expand(path, '$10-$1', 'abcdefghij').text).toBe('j-a');
  });

  test('a name without any reference is no derived name', () => {
    expect(expand('kv/(.*)', 'fixed', 'foo')).toEqual({ text: 'fixed', derived: false });
  });

  test.each(['$2', '$0', '$10', '${2}', '${team}', '${toString}', '${__proto__}'])(
    'refuses %s where the pattern has one group without a name',
    (template) => {
      const expanding = () => expand('kv/(.*)', `d/${template}`, 'foo');

      expect(expanding).toThrow(SyncError);
      expect(expanding).toThrow(
        `the name "d/${template}" uses ${template}, but the pattern "(.*)" has 1 capture group; a $ that is meant as itself is written {{ "$" }}`,
      );
    },
  );

  test('names the groups there are', () => {
    expect(() => expand('kv/(?P<team>.*)/(?P<app>.*)', '${tema}', 'a/b')).toThrow(
      'has 2 capture groups, named team, app',
    );
  });

  test('writes a $ as the complaint says', () => {
    expect(expand('kv/(.*)', '{{ "$" }}1-$1', 'foo').text).toBe('$1-foo');
  });
});

test('whatever a path captures stands in the name as it is, and nothing in it is filled in again', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('$1', '$2', '${1}', '${team}', '$&', '$$', '{{', '{{ .key }}', '}}', '{{ define "x" }}', '{{/*'),
  );
  fc.assert(
    fc.property(hostile, hostile, (one, other) => {
      fc.pre(!/[/\n]/.test(one + other));
      const written = compileName('$2-{{ .name }}-{{ index .captures 0 }}-${1}-{{ .capture.team }}', {
        granularity: 'secret',
      });
      const parts = { ...someParts('kv/(.*)/(?P<team>.*)', 'a/b'), name: `${one}/${other}` };
      const captures = { numbered: [one, other], named: { team: other } };

      const { text } = written.expand({ ...parts, captures });

      expect(text).toBe(`${other}-${one}/${other}-${one}-${one}-${other}`);
    }),
    { seed: 1 },
  );
});
