import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { renderYaml } from '../../../src/sync/shape/yaml.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

function render(text: string): string {
  return renderYaml(parseExactly(text) as JsonObject);
}

/** What a reader of either version makes of it. */
function read(text: string, version: '1.1' | '1.2'): unknown {
  return parse(text, { version, merge: version === '1.1', mapAsMap: true, intAsBigInt: false, maxAliasCount: 0 });
}

/** JSON as maps, so that hostile keys compare as keys. */
function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, asMaps(inner)]));
}

const ambiguous = [
  ...['yes', 'No', 'ON', 'off', 'y', 'N', 'true', 'False', 'null', '~', '', 'Null', '.inf', '-.INF', '.nan', '=', '<<'],
  ...['1', '-1', '+1', '0777', '0o17', '0x1F', '0b11', '1_000', '12:30:45', '1:30.5', '1.0', '1e3', '.5', '1.', '1e+3'],
  ...[
    '2001-12-14',
    '2001-12-14T21:59:43Z',
    '2001-12-14 21:59:43.10 -5',
    ' a',
    'a ',
    '\ta',
    '- a',
    '-',
    '?',
    '? a',
    ':',
    'a: b',
  ],
  ...[
    'a:',
    '#a',
    'a #b',
    '!x',
    '&x',
    '*x',
    '%x',
    '@x',
    '`x`',
    '|',
    '>',
    '"',
    "'",
    '{',
    '[a]',
    ',',
    '---',
    '...',
    '--- a',
  ],
  ...[
    '\n',
    'a\nb',
    'a\nb\n',
    'a\nb\n\n',
    '\n\na',
    '  a\nb',
    'a  \n b',
    'a\n---\nb',
    'a\r\nb',
    '\r',
    '\0',
    '\x07',
    '\x7f',
  ],
  ...[
    '\x85',
    'a\x85b',
    '\u2028',
    'a\u2029b\nc',
    '\ufeff',
    '\ufffe',
    '\uffff',
    '😀',
    'é',
    '$(x)',
    '__proto__',
    'toJSON',
    'rawJSON',
  ],
  'k'.repeat(2_000),
];

describe('format: yaml', () => {
  test('is the keys in order, with texts as plain as can be', () => {
    const given =
      '{"port":5432,"user":"ada","on":"yes","key":"-----BEGIN-----\\nabc\\n-----END-----\\n","hosts":["a",{"b":null}],"none":{}}';

    expect(render(given)).toBe(
      [
        'hosts:',
        '  - a',
        '  - b: null',
        'key: |',
        '  -----BEGIN-----',
        '  abc',
        '  -----END-----',
        'none: {}',
        '"on": "yes"',
        'port: 5432',
        'user: ada',
        '',
      ].join('\n'),
    );
  });

  test('of a secret without keys is an empty map', () => {
    expect(render('{}')).toBe('{}\n');
  });

  test('folds no line, however long', () => {
    const text = 'word '.repeat(100).trim();

    expect(renderYaml({ k: text, [text]: 'v' })).toBe(`k: ${text}\n${text}: v\n`);
  });

  // Seen to lose spaces, or to be refused, by PyYAML and libyaml when written as a block or plain.
  test.each([
    ['\n\n  \n', '"\\n\\n  \\n"'],
    ['  a\nb', '"  a\\nb"'],
    ['a \nb', '"a \\nb"'],
    ['a\x85b', '"a\\u0085b"'],
    ['=', '"="'],
  ])('writes %j in quotes', (text, expected) => {
    expect(renderYaml({ k: text })).toBe(`k: ${expected}\n`);
  });

  test('keeps every digit of a number', () => {
    const given = '{"a":12345678901234567890,"b":1.10,"c":1e400,"d":-0,"e":0.30000000000000000001,"f":1E+2,"g":7}';

    expect(render(given)).toBe(
      'a: 12345678901234567890\nb: 1.10\nc: 1e400\nd: -0\ne: 0.30000000000000000001\nf: 1E+2\ng: 7\n',
    );
  });

  test.each(['1.1', '1.2'] as const)('is read back by YAML %s: texts as texts, keys as keys', (version) => {
    for (const text of ambiguous) {
      const data = { [text]: text, list: [text], nested: { [text]: { [text]: text } } };

      expect([text, read(renderYaml(data), version)]).toEqual([text, asMaps(data)]);
    }
  });

  test.each(['1.1', '1.2'] as const)('is read back by YAML %s, whatever the secret holds', (version) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '-', ':', '#', 'a', '"', "'", '|', '>', '\r', '\x85', '.') }),
      fc.constantFrom(...ambiguous),
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.constantFrom(null, true, false, 0, -1, 1.5, 1e21),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;

    fc.assert(
      fc.property(fc.dictionary(text, json, { maxKeys: 6, noNullPrototype: true }), (data) => {
        const given = JSON.stringify(data);
        const rendered = render(given);

        expect(read(rendered, version)).toEqual(asMaps(JSON.parse(given)));
        expect(render(JSON.stringify(Object.fromEntries(Object.entries(data).reverse())))).toBe(rendered);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('leaves nothing in it that some reader takes for a line break or refuses', () => {
    const rendered = renderYaml(Object.fromEntries(ambiguous.map((text, index) => [`k${index}`, text])));

    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(rendered).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/);
  });
});
