import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Destination } from '../../src/crd/vault-secret-sync.ts';
import { renderCopy, renderValue } from '../../src/sync/render.ts';
import type { JsonObject } from '../../src/vault/json.ts';
import { parseExactly } from '../../src/vault/json.ts';

const key = Buffer.from('0123456789abcdef');

/** Renders what Vault's answer would hold. */
function renderText(text: string): string {
  return renderValue(parseExactly(text) as JsonObject);
}

function render(more: { data?: JsonObject; name?: string; destination?: Destination; version?: number } = {}) {
  const { data = { user: 'ada' }, name = 'app/db', destination = { aws: {} }, version = 1 } = more;
  return renderCopy({
    key,
    secret: { found: true, version, createdTime: '2026-01-01T00:00:00Z', data, customMetadata: {} },
    name,
    destination,
    owner: 'owner',
    ref: 'team-a/db',
    source: '["main","","secret","app/db"]',
  });
}

describe('renderValue', () => {
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
    expect(renderText(given)).toBe(expected);
  });

  test('is the same text whatever order Vault answers in, and means the same', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (data) => {
        const reversed = Object.fromEntries(Object.entries(data).reverse());
        const rendered = renderText(JSON.stringify(data));

        expect(renderText(JSON.stringify(reversed))).toBe(rendered);
        expect(JSON.parse(rendered)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
      { seed: 1 },
    );
  });
});

describe('renderCopy', () => {
  test('the fingerprint changes with everything that shows in the copy', () => {
    const prints = [
      render(),
      render({ data: { user: 'eve' } }),
      render({ name: 'app/other' }),
      render({ destination: { aws: { tags: { a: '1' } } } }),
      render({ destination: { aws: { tags: { a: '2' } } } }),
      render({ destination: { aws: { encryptionKey: 'alias/a' } } }),
      render({ destination: { azure: { vaultName: 'v', tags: { a: '1' } } } }),
      render({ destination: { gcp: { labels: { a: '1' } } } }),
    ].map(({ fingerprint }) => fingerprint);

    expect(new Set(prints).size).toBe(prints.length);
  });

  test('the fingerprint stays for what does not show: version, order, where the copy is and who writes it', () => {
    const tags = { a: '1', b: '2' };
    const plain = render({ destination: { aws: { tags } } });

    const same = [
      render({ version: 9, destination: { aws: { tags } } }),
      render({ destination: { aws: { tags: { b: '2', a: '1' } } } }),
      render({ destination: { aws: { name: 'x', region: 'eu-west-1', roleArn: 'arn', tags } } }),
    ];

    expect(same.map(({ fingerprint }) => fingerprint)).toEqual(same.map(() => plain.fingerprint));
  });

  test('the fingerprint of the settings stays while only the value changes', () => {
    const [one, other] = [render(), render({ data: { user: 'eve' } })];
    const tagged = render({ destination: { aws: { tags: { a: '1' } } } });

    expect(one.settingsFingerprint).toBe(other.settingsFingerprint);
    expect(one.settingsFingerprint).not.toBe(tagged.settingsFingerprint);
  });

  test('the state mark holds version and fingerprint, and the version id what it replaces', () => {
    const { desired, fingerprint } = render({ version: 3 });

    expect(desired.marks.state).toMatch(new RegExp(`^3\\.[0-9a-f]{16}\\.${fingerprint}$`));
    expect(desired.versionIdAfter('one')).not.toBe(desired.versionIdAfter(null));
  });

  test('no mark, fingerprint or version id holds the value', () => {
    const { desired, ...prints } = render({ data: { user: 'hunter2' } });
    const { value, ...rest } = desired;

    expect(value).toContain('hunter2');
    expect(JSON.stringify([rest, prints, desired.versionIdAfter(null)])).not.toContain('hunter2');
  });
});
