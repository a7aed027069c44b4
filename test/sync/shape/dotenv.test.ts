import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { renderDotenv } from '../../../src/sync/shape/dotenv.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

const folder = mkdtempSync(join(tmpdir(), 'dotenv-'));
const file = join(folder, 'env');
afterAll(() => rmSync(folder, { recursive: true }));

/** What a shell that reads the file hands on to the programs it starts. */
function readByShell(text: string): Record<string, string> {
  writeFileSync(file, text);
  const script = `set -eu; set -a; . "$0"; exec "$1" -e 'process.stdout.write(JSON.stringify(process.env))'`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script, file, process.execPath], {
    env: {},
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { PWD: _pwd, OLDPWD: _old, SHLVL: _level, _: _last, ...read } = JSON.parse(stdout) as Record<string, string>;
  return read;
}

/** What parsers of `.env` files cannot be told: see `docs/reference/formats.md`. */
function isPortable(value: string): boolean {
  return !value.includes('\r') && !(value.includes("'") && /["$`\\]/.test(value));
}

const hostile = [
  ...['', ' ', ' a ', '#x', 'a #b', 'a=b', '$HOME', '${HOME}', '$(exit 1)', '`exit 1`', '\\', '\\n', '\\$', 'a\\'],
  ...[
    '"',
    "'",
    '"\'',
    "it's",
    "it's $5",
    '\n',
    'a\nb',
    'a\nB="c"\n',
    '-----BEGIN KEY-----\nab+/=\n-----END KEY-----\n',
  ],
  ...[
    '!',
    '!!',
    '~',
    '*',
    '&;|<>()',
    '😀',
    'é',
    '\u2028',
    '\ufeff',
    '\x01\x7f',
    '\t',
    '\r',
    'a\r\nb',
    '%s',
    '%%',
    'export A=1',
  ],
];
const value = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom("'", '"', '$', '`', '\\', '\n', '(', '{', '#', ' ', 'a', '=', '!', 'n') }),
    fc.constantFrom(...hostile),
  )
  .filter((text) => !text.includes('\0'));
const secret = fc.dictionary(fc.stringMatching(/^V_[A-Za-z0-9_]{0,8}$/), value, { maxKeys: 30, size: 'max' });

describe('format: dotenv', () => {
  test('is lines in the order of their keys, each in the simplest quotes that will do', () => {
    const data = {
      PLAIN: 'a b#c',
      BOTH: `it's "5$"`,
      EMPTY: '',
      DOLLAR: 'p$1\\`"',
      APOSTROPHE: "it's",
      KEY: '-----BEGIN KEY-----\nabc\n',
    };

    expect(renderDotenv(data)).toBe(
      [
        `APOSTROPHE="it's"`,
        `BOTH="it's \\"5\\$\\""`,
        `DOLLAR='p$1\\\`"'`,
        'EMPTY=""',
        'KEY="-----BEGIN KEY-----\nabc\n"',
        'PLAIN="a b#c"',
        '',
      ].join('\n'),
    );
  });

  test('writes what is no text as JSON, numbers with every digit', () => {
    const data = parseExactly(
      '{"n":12345678901234567890,"o":{"b":1.10,"a":null},"l":[],"t":true,"z":null}',
    ) as JsonObject;

    expect(renderDotenv(data)).toBe(`l="[]"\nn="12345678901234567890"\no='{"a":null,"b":1.10}'\nt="true"\nz="null"\n`);
  });

  test('of a secret without keys is empty', () => {
    expect(renderDotenv({})).toBe('');
  });

  test('is read back by a shell whatever the values are, and nothing in them is run', () => {
    const all = Object.fromEntries(hostile.map((text, index) => [`V_${index}`, text]));
    expect(readByShell(renderDotenv(all))).toEqual(all);

    fc.assert(
      fc.property(secret, (data) => {
        expect(readByShell(renderDotenv(data))).toEqual({ ...data });
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  test('is read back by a parser of .env files where that can be', () => {
    const all = Object.fromEntries(hostile.filter(isPortable).map((text, index) => [`V_${index}`, text]));
    expect({ ...parseEnv(renderDotenv(all)) }).toEqual(all);

    fc.assert(
      fc.property(secret, (data) => {
        const portable = Object.fromEntries(Object.entries(data).filter(([, text]) => isPortable(text)));

        expect({ ...parseEnv(renderDotenv(portable)) }).toEqual(portable);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test.each(['', '1A', 'a-b', 'a.b', 'é', '😀', 'A B', 'A=B', 'A\nB', '$(x)', '`x`', '"', 'A\n', '\0'])(
    'refuses the key %j, which no variable can be called, and says what to do',
    (key) => {
      expect(() => renderDotenv({ [key]: 'hunter2' })).toThrow(
        expect.objectContaining({
          remedy: 'FixSpec',
          reason: 'KeyNotEnv',
          message:
            `the key ${JSON.stringify(key)} cannot be a variable of format: dotenv, whose names have letters, digits and _ and ` +
            'do not begin with a digit: give it another name with transforms.rename, or leave it out with transforms.exclude',
        }),
      );
    },
  );

  test('takes __proto__ for a key like any other', () => {
    expect(renderDotenv(parseExactly('{"__proto__":"x","a":"y"}') as JsonObject)).toBe('__proto__="x"\na="y"\n');
  });

  test('refuses a value with a NUL without telling it', () => {
    const rendering = () => renderDotenv({ A: 'hunter2\0' });

    expect(rendering).toThrow(expect.objectContaining({ remedy: 'FixSpec', reason: 'ValueNotEnv' }));
    expect(rendering).not.toThrow(/hunter2/);
    expect(rendering).toThrow('the value of "A" holds a NUL');
  });
});
