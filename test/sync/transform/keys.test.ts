import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileKeyTransform, type KeyTransforms } from '../../../src/sync/transform/keys.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

function transform(transforms: KeyTransforms, data: JsonObject): JsonObject {
  return { ...compileKeyTransform(transforms)(data) };
}

describe('keys', () => {
  const data = { user: 'ada', password: 'p', db_host: 'h', db_port: 1 };

  test.each<[string, KeyTransforms, JsonObject]>([
    ['stay as they are when nothing is said', {}, data],
    ['are left out by name', { exclude: ['user', 'db'] }, { password: 'p', db_host: 'h', db_port: 1 }],
    ['are left out by a pattern that hits anywhere', { exclude: ['_|ss'] }, { user: 'ada' }],
    [
      'are chosen by name and by pattern',
      { include: ['user', '^db_(.+)$'] },
      { user: 'ada', db_host: 'h', db_port: 1 },
    ],
    ['are all dropped by an include that is there and empty', { include: [] }, {}],
    ['are left out first', { exclude: ['db_.*'], include: ['user', 'db_host'] }, { user: 'ada' }],
    [
      'are renamed',
      { rename: [{ from: 'user', to: 'USER' }] },
      { USER: 'ada', password: 'p', db_host: 'h', db_port: 1 },
    ],
    [
      'are renamed by the last of several',
      {
        include: ['user'],
        rename: [
          { from: 'user', to: 'a' },
          { from: 'user', to: 'b' },
          { from: 'b', to: 'c' },
        ],
      },
      { b: 'ada' },
    ],
    [
      'can change places',
      {
        include: ['user', 'password'],
        rename: [
          { from: 'user', to: 'password' },
          { from: 'password', to: 'user' },
        ],
      },
      { password: 'ada', user: 'p' },
    ],
    [
      'are chosen by their old names',
      { include: ['user'], exclude: ['USER'], rename: [{ from: 'user', to: 'USER' }] },
      { USER: 'ada' },
    ],
  ])('%s', (_title, transforms, expected) => {
    expect(transform(transforms, data)).toEqual(expected);
  });

  test('that meet after renaming are both named, in the same order whatever the order of the secret', () => {
    const rename = compileKeyTransform({
      rename: [
        { from: 'b', to: 'x' },
        { from: 'a', to: 'x' },
      ],
    });

    const sentence = 'the keys "a" and "b" of the secret would both be called "x"';
    expect(() => rename({ a: 1, b: 2 })).toThrow(sentence);
    expect(() => rename({ b: 2, a: 1 })).toThrow(sentence);
  });

  test('meet a key that is not renamed, too, but not one that was left out', () => {
    const rename = [{ from: 'user', to: 'password' }];

    expect(() => transform({ rename }, data)).toThrow('"password" and "user"');
    expect(transform({ rename, exclude: ['password', 'db_.*'] }, data)).toEqual({ password: 'ada' });
  });

  test('of every name are kept, __proto__ included, with the values that Vault has, digit for digit', () => {
    const secret = parseExactly('{"__proto__":{"a":1},"constructor":12345678901234567890,"n":1.10}') as JsonObject;

    const kept = compileKeyTransform({ rename: [{ from: 'n', to: 'toString' }] })(secret);

    expect(JSON.stringify(kept)).toBe('{"__proto__":{"a":1},"constructor":12345678901234567890,"toString":1.10}');
  });

  test('never share a name and never lose a value', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'ab', '__proto__');
    const rename = fc.array(fc.record({ from: key, to: key }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(key), rename, (names, renames) => {
        const secret = Object.fromEntries(names.map((name, index) => [name, index]));
        let result: JsonObject;
        try {
          result = compileKeyTransform({ rename: renames })(secret);
        } catch (error) {
          return expect(error).toMatchObject({ remedy: 'FixSpec', reason: 'KeysMeet' });
        }
        return expect(Object.values(result).toSorted()).toEqual(Object.values(secret).toSorted());
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  test('that are chosen by a pattern that is none are refused when compiled', () => {
    expect(() => compileKeyTransform({ include: ['a', '(b'] })).toThrow('transforms.include[1], "(b", is not RE2');
  });
});
