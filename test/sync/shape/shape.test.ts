import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileShape, keyValue } from '../../../src/sync/shape/shape.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

type Fields = Parameters<typeof compileShape>[0];

function shape(fields: Fields, text: string): string {
  return compileShape(fields)(parseExactly(text) as JsonObject);
}

describe('format: json', () => {
  test.each([
    ['sorts keys', '{"b":1,"a":{"d":2,"c":[{"f":3,"e":4}]}}', '{"a":{"c":[{"e":4,"f":3}],"d":2},"b":1}'],
    ['keeps the order of lists', '{"a":[3,1,2]}', '{"a":[3,1,2]}'],
    [
      'keeps every digit of a number',
      '{"n":12345678901234567890,"f":1.10,"e":1e400}',
      '{"e":1e400,"f":1.10,"n":12345678901234567890}',
    ],
    ['keeps unicode as it is', '{"é":"日本 😀 \\u0007"}', '{"é":"日本 😀 \\u0007"}'],
    ['keeps half a character, escaped', '{"a":"\\ud83d"}', '{"a":"\\ud83d"}'],
    ['takes __proto__ for a key like any other', '{"b":1,"__proto__":{"x":2}}', '{"__proto__":{"x":2},"b":1}'],
    [
      'keeps null, booleans and empty things',
      '{"a":null,"b":false,"c":{},"d":[],"e":""}',
      '{"a":null,"b":false,"c":{},"d":[],"e":""}',
    ],
    ['writes a secret without keys as an empty object', '{}', '{}'],
    ['takes a key called rawJSON for what it is', '{"rawJSON":"1"}', '{"rawJSON":"1"}'],
  ])('%s', (_title, given, expected) => {
    expect(shape({}, given)).toBe(expected);
    expect(shape({ format: 'json' }, given)).toBe(expected);
  });

  test('is the same text whatever order Vault answers in, and means the same', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (data) => {
        const reversed = Object.fromEntries(Object.entries(data).reverse());
        const rendered = shape({}, JSON.stringify(data));

        expect(shape({}, JSON.stringify(reversed))).toBe(rendered);
        expect(JSON.parse(rendered)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
      { seed: 1 },
    );
  });
});

describe('format: raw', () => {
  test.each([
    ['a text as it is, byte for byte', '{"k":" a\\n\\"b\\" $(x) \\u0000 "}', ' a\n"b" $(x) \0 '],
    ['an empty text', '{"k":""}', ''],
    ['a number with every digit', '{"k":12345678901234567890.10}', '12345678901234567890.10'],
    ['true as JSON', '{"k":true}', 'true'],
    ['null as JSON', '{"k":null}', 'null'],
    ['an object as JSON with sorted keys', '{"k":{"b":[1.10],"a":"x"}}', '{"a":"x","b":[1.10]}'],
  ])('is %s', (_title, given, expected) => {
    expect(shape({ format: 'raw', property: 'k' }, given)).toBe(expected);
  });

  test.each(['__proto__', 'constructor', '', '😀', 'a\nb', '"', '$(x)', '`x`'])('takes the key %j', (property) => {
    const given = `{${JSON.stringify(property)}:"v"}`;

    expect(shape({ format: 'raw', property }, given)).toBe('v');
    expect(() => shape({ format: 'raw', property }, '{}')).toThrow(
      `property is ${JSON.stringify(property)}, and the secret`,
    );
  });

  test('says which key is missing and what to do, and no value', () => {
    const shaping = () => shape({ format: 'raw', property: 'pasword' }, '{"password":"hunter2"}');

    expect(shaping).toThrow(
      expect.objectContaining({
        remedy: 'FixSpec',
        reason: 'PropertyMissing',
        message:
          'property is "pasword", and the secret has no such key after transforms (did you mean "password"?): ' +
          'correct property, or add the key to the secret in Vault',
      }),
    );
  });

  test('needs a property', () => {
    expect(() => compileShape({ format: 'raw' })).toThrow('name it in property');
  });
});

test('the value of a key is its text, or JSON', () => {
  const value = (text: string) => keyValue(parseExactly(text) as JsonObject);

  expect(value('"a \\"b\\""')).toBe('a "b"');
  expect(value('1.10')).toBe('1.10');
  expect(value('{"b":1,"a":[true]}')).toBe('{"a":[true],"b":1}');
});
