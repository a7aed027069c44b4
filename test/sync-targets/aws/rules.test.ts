import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { nameOf, preflight } from '../../../src/sync-targets/aws/rules.ts';
import { desire } from '../conformance/under-test.ts';

function desireCopy({ value = 'x', tags = {} }: { value?: string; tags?: Record<string, string> }) {
  const destination: { aws: AwsDestination } = { aws: { tags } };
  return desire({ name: 'app/db', value, destination, owner: '0123456789abcdef0123456789abcdef' });
}

describe('a name in AWS', () => {
  test('is used as it is when it fits', () => {
    expect(nameOf('Team_a/db+1=x.y@z-0', { derived: false })).toBe('Team_a/db+1=x.y@z-0');
  });

  test('has a hyphen for each character that AWS lacks when it is derived', () => {
    expect(nameOf('team a/🔐/ü', { derived: true })).toBe('team-a/-/-');
  });

  test('is one that AWS takes, and stays what it is, whatever it is derived from', () => {
    const anyName = fc.string({ unit: 'binary', minLength: 1, maxLength: 512 });

    fc.assert(
      fc.property(anyName, (name) => {
        const derived = nameOf(name, { derived: true });
        expect(derived).toMatch(/^[A-Za-z0-9/_+=.@-]{1,512}$/);
        expect(nameOf(derived, { derived: false })).toBe(derived);
      }),
      { seed: 7 },
    );
  });

  test.each([true, false])('is refused when it is empty or too long (derived: %s)', (derived) => {
    expect(() => nameOf('', { derived })).toThrow('1 to 512 characters');
    expect(() => nameOf('n'.repeat(513), { derived })).toThrow('AWS allows 512 characters and this name has 513');
  });
});

describe('what AWS cannot hold', () => {
  test('is not found in 48 tags of 128 and 256 characters in any script', () => {
    const tags = Object.fromEntries(
      Array.from({ length: 48 }, (_, index) => [`ü${index}`.padEnd(128, '/'), 'ä b+c'.padEnd(256, '@')]),
    );

    expect(() => preflight(desireCopy({ tags }))).not.toThrow();
  });

  test('is a 49th tag beside the two marks', () => {
    const tags = Object.fromEntries(Array.from({ length: 49 }, (_, index) => [`tag-${index}`, '']));

    expect(() => preflight(desireCopy({ tags }))).toThrow('AWS allows 50 tags, two of them ours: leave out 1');
  });

  test.each([
    ['an empty key', { '': 'x' }, 'keys of 1 to 128 characters'],
    ['a key of 129 characters', { ['k'.repeat(129)]: 'x' }, 'keys of 1 to 128 characters'],
    ['a value of 257 characters', { key: 'v'.repeat(257) }, 'values of at most 256 characters'],
    ['a reserved key', { 'AWS:key': 'x' }, 'reserved by AWS'],
    ['a mark of ours', { 'vss-owner': 'x' }, 'marks of vault-secret-sync'],
    ['a key with a strange character', { 'a#b': 'x' }, 'letters, digits, blanks and _.:/=+-@ only'],
    ['a value with a strange character', { key: 'a\nb' }, 'letters, digits, blanks and _.:/=+-@ only'],
  ])('is a tag with %s', (_what, tags: Record<string, string>, rule) => {
    expect(() => preflight(desireCopy({ tags }))).toThrow(rule);
  });

  test('is an empty value', () => {
    expect(() => preflight(desireCopy({ value: '' }))).toThrow('AWS refuses an empty value');
  });

  test('is half a character', () => {
    expect(() => preflight(desireCopy({ value: 'a\ud83d' }))).toThrow('half a character');
  });
});
