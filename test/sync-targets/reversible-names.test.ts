import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aws } from '../../src/sync-targets/aws/index.ts';
import { azure } from '../../src/sync-targets/azure/index.ts';
import type { Target } from '../../src/sync-targets/contract.ts';
import { gcp } from '../../src/sync-targets/gcp/index.ts';
import { createContext, createManualClock } from './conformance/under-test.ts';
import { errorOf } from './conformance/world.ts';

const seed = 20_261_121;

function contextWith<Settings>(settings: Settings) {
  return createContext({ settings, clock: createManualClock(0), errors: [] });
}

const azureSettings = { dnsSuffix: 'vault.azure.net', authorityHost: 'https://login.example', allowedHosts: [] };
const targets: Readonly<Record<string, Target>> = {
  AWS: aws.open({ aws: {} }, contextWith({ region: 'eu-west-1' })),
  Azure: azure.open({ azure: { vaultName: 'team-a' } }, contextWith(azureSettings)),
  GCP: gcp.open({ gcp: { project: 'team-a' } }, contextWith({ insecure: false })),
};

function write(target: Target, path: string): string {
  return target.nameOf(path, { derived: true, naming: 'Reversible' });
}

/** Every text of 1 to `longest` of these characters. */
function everyText(characters: readonly string[], longest: number): string[] {
  if (longest === 0) return [];
  const shorter = everyText(characters, longest - 1);
  return ['', ...shorter].flatMap((text) => characters.map((character) => text + character));
}

/** Any path; so short that its name fits everywhere even if each byte of it is a code of five characters. */
const anyPath = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
  fc.string({ unit: fc.constantFrom(...'//--__==abtuxABZ059.+@ '), minLength: 1, maxLength: 25 }),
);

describe.each([
  { store: 'AWS', alphabet: /^[A-Za-z0-9/_+=.@-]{1,512}$/, own: 'a=2df/-' },
  { store: 'Azure', alphabet: /^[0-9a-z-]{1,127}$/, own: '-25dftu' },
  { store: 'GCP', alphabet: /^[A-Za-z0-9_-]{1,255}$/, own: '_-25dfA' },
])('a reversible name in $store', ({ store, alphabet, own }) => {
  const target = targets[store]!;

  test('has only what the store takes, and gives back the path it was made of', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const name = write(target, path);

        expect(name).toMatch(alphabet);
        expect(target.nameOf(name, { derived: false })).toBe(name);
        expect(target.originalOf?.(name)).toBe(path);
        // Also when the store has forgotten the letter case.
        expect(target.originalOf?.(target.identityOf(name))).toBe(path);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test('is never that of another path', () => {
    const paths = everyText(['a', 'B', 'C', '/', '-', '_', '=', 'ä'], 5);

    const identities = new Set(paths.map((path) => target.identityOf(write(target, path))));

    expect(identities.size).toBe(paths.length);
  });

  test('is the only one that is read back as its path', () => {
    const names = everyText([...own], 6);

    const read = names.flatMap((name) => {
      const path = target.originalOf?.(name) ?? null;
      return path === null ? [] : [{ name, path }];
    });

    expect(read.length).toBeGreaterThan(100);
    expect(read.filter(({ name, path }) => write(target, path) !== name)).toEqual([]);
  });

  test('is not any text whatever', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 40 });

    fc.assert(
      fc.property(anyText, (text) => {
        const path = target.originalOf?.(text) ?? null;

        expect(path === null || write(target, path) === text).toBe(true);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test('is refused for half a character, and there is none for nothing', () => {
    const halves = errorOf(() => write(target, 'a\ud83d'));
    const nothing = errorOf(() => write(target, ''));

    expect(halves).toMatchObject({ remedy: 'FixSpec', reason: 'NameInvalid' });
    expect(nothing).toMatchObject({ remedy: 'FixSpec', reason: 'NameInvalid' });
    expect(target.originalOf?.('')).toBeNull();
  });

  test('is none when it is longer than the store takes', () => {
    expect(target.originalOf?.('n'.repeat(127))).toBe('n'.repeat(127));
    expect(target.originalOf?.('n'.repeat(513))).toBeNull();
  });

  test('does not count for a name that is written out', () => {
    expect(target.nameOf('Db-1', { derived: false, naming: 'Reversible' })).toBe('Db-1');
  });
});

test.each([
  ['AWS', 'app/db-config'],
  ['AWS', 'app=2ddb'],
  ['AWS', 'a=2F'],
  ['AWS', 'a='],
  ['AWS', 'größe'],
  ['Azure', 'Team-db'],
  ['Azure', 'a---61'],
  ['Azure', 'a---ub-c---'],
  ['Azure', 'a------2e'],
  ['Azure', 'a---ff'],
  ['GCP', 'a___tb'],
  ['GCP', 'a.b'],
])('is no reversible name in %s: %s', (store, name) => {
  expect(targets[store]!.originalOf?.(name)).toBeNull();
});

test('a reversible name in AWS never ends like an ARN', () => {
  const end = fc.string({ unit: fc.constantFrom(...'-ab=ü'), minLength: 1, maxLength: 14 });

  fc.assert(
    fc.property(end, (path) => {
      expect(write(targets['AWS']!, path)).not.toMatch(/-.{6}$/);
    }),
    { seed, numRuns: 2000 },
  );
});

describe('the reference of reversible names', () => {
  const page = readFileSync('docs/reference/names-reversible.md', 'utf8');
  const rows = [...page.matchAll(/^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$/gm)];

  test('shows the names that are made', () => {
    const shown = rows.map(([, path = '', ...names]) => ({ path, names: names.slice(0, 3) }));

    const made = shown.map(({ path }) => ({
      path,
      names: ['AWS', 'Azure', 'GCP'].map((store) => write(targets[store]!, path)),
    }));

    expect(shown.length).toBeGreaterThan(8);
    expect(made).toEqual(shown);
  });
});
