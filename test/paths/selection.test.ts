import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncError } from '../../src/errors.ts';
import { isExcluded, parseSelection, selectSecret } from '../../src/paths/selection.ts';

/** What a selection takes of some paths. */
function selectedOf(source: Parameters<typeof parseSelection>[0], paths: readonly string[]): string[] {
  const selection = parseSelection(source);
  return paths.filter((path) => {
    const slash = path.indexOf('/');
    return selectSecret(selection, path.slice(0, slash), path.slice(slash + 1)) !== null;
  });
}

describe('parseSelection', () => {
  test('one path is a selection of one selector', () => {
    const selection = parseSelection({ path: 'secret/app/db' });

    expect(selection).toEqual({ selectors: [{ kind: 'literal', mount: 'secret', name: 'app/db' }], excluded: [] });
  });

  test('several paths keep their order, whatever their kind', () => {
    const { selectors } = parseSelection({ paths: ['secret/app/*', 'kv/app', 'secret/(.*)/db'] });

    expect(selectors.map((selector) => (selector.kind === 'literal' ? selector.name : selector.text))).toEqual([
      'app/([^/]*)',
      'app',
      '(.*)/db',
    ]);
  });

  test('a mount that is named holds for every path and exclusion', () => {
    const { selectors, excluded } = parseSelection({ mount: 'infra/kv', paths: ['app', '*/db'], exclude: ['x/db'] });

    expect([...selectors, ...excluded].map(({ mount }) => mount)).toEqual(['infra/kv', 'infra/kv', 'infra/kv']);
  });

  test.each([
    [{ paths: ['secret/app', 'app'] }, 'source.paths[1] "app" must be a mount and a name'],
    [{ path: 'secret/app', exclude: ['s*/app'] }, 'source.exclude[0] "s*/app" has a pattern where its mount stands'],
    [{ path: 'secret/**', exclude: ['secret/(a'] }, 'the pattern "(a" is not RE2'],
  ])('refuses %j and says which path is wrong', (source, message) => {
    expect(() => parseSelection(source)).toThrow(message);
  });

  test('refuses an exclusion without its mount, which would leave nothing out', () => {
    const parse = () => parseSelection({ paths: ['secret/**', 'kv/a'], exclude: ['secret/x', 'team-a/db'] });

    expect(parse).toThrow(SyncError);
    expect(parse).toThrow(
      'source.exclude[1] "team-a/db" lies in a mount that source selects nothing in: begin it with the mount, e.g. secret/team-a/db',
    );
  });

  test('refuses patterns that are each small enough, but not all together', () => {
    const paths = Array.from({ length: 64 }, (_, index) => `secret/${index}[a-z]{200}`);

    expect(() => parseSelection({ paths })).not.toThrow();
    expect(() => parseSelection({ paths, exclude: paths })).toThrow(
      /source\.exclude are too large together \(\d+ instr/,
    );
  });

  test('takes as many globs as there may be', () => {
    const paths = Array.from({ length: 64 }, (_, index) => `secret/some-team-${index}/an-application-of-it/**/*-db`);

    expect(parseSelection({ paths, exclude: paths }).excluded).toHaveLength(64);
  });
});

describe('selectSecret', () => {
  test.each([
    ['a literal', ['secret/app/db'], ['secret/app/web', 'secret/app/db/old']],
    ['a glob', ['secret/*/db'], ['secret/app/web', 'secret/app/db/old']],
    ['a pattern', ['secret/.*/(db|web)'], ['secret/app/db/old']],
    ['several', ['secret/app/db', 'secret/**/old'], ['secret/app/web']],
    ['one that takes nothing', ['secret/nothing/**'], ['secret/app/db', 'secret/app/web', 'secret/app/db/old']],
    ['everything', ['secret/**'], []],
  ])('leaves out what %s excludes', (_kind, exclude, rest) => {
    const paths = ['secret/app/db', 'secret/app/web', 'secret/app/db/old'];

    expect(selectedOf({ path: 'secret/**', exclude }, paths)).toEqual(rest);
  });

  test('selects in each mount what is written for it, and excludes likewise', () => {
    const source = { paths: ['secret/app/*', 'kv/**'], exclude: ['kv/app/db', 'secret/app/web'] };
    const paths = ['secret/app/db', 'secret/app/web', 'kv/app/db', 'kv/app/web', 'secret/web', 'other/app/db'];

    expect(selectedOf(source, paths)).toEqual(['secret/app/db', 'kv/app/web']);
  });

  test('gives the captures of the first path that takes the secret', () => {
    const selection = parseSelection({ paths: ['secret/app/(d.)', 'secret/*/*', 'secret/app/db'] });

    const found = ['app/db', 'app/web'].map((name) => selectSecret(selection, 'secret', name)?.captures.numbered);

    expect(found).toEqual([['db'], ['app', 'web']]);
    expect(selectSecret(selection, 'secret', 'app/db')?.selector).toBe(selection.selectors[0]);
  });

  test('a literal takes nothing but itself, whatever stands in it', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });

    fc.assert(
      fc.property(
        name.filter((text) => !/[[\](){}+*?|]/.test(text)),
        name,
        (literal, other) => {
          const selection = parseSelection({ mount: 'secret', path: literal });

          expect(selectSecret(selection, 'secret', literal)).not.toBeNull();
          expect(selectSecret(selection, 'secret', other) !== null).toBe(other === literal);
          expect(selectSecret(selection, 'kv', literal)).toBeNull();
        },
      ),
      { seed: 1, numRuns: 1_000 },
    );
  });

  test('takes what one path takes and no exclusion does', () => {
    const path = fc.constantFrom(
      'app',
      'app/db',
      '*',
      '**',
      'a*/**',
      '**/db',
      '.*',
      'app/(db|web)',
      '[a-z]+',
      'a|app/db',
    );
    const name = fc.constantFrom('app', 'app/db', 'app/web', 'db', 'a', 'b/x/db', 'app/db/x');

    fc.assert(
      fc.property(
        fc.array(path, { minLength: 1, maxLength: 4 }),
        fc.array(path, { maxLength: 4 }),
        name,
        (paths, exclude, sought) => {
          const takes = (one: string) => selectSecret(parseSelection({ mount: 'secret', path: one }), 'secret', sought);
          const selection = parseSelection({ mount: 'secret', paths, exclude });

          const selected = selectSecret(selection, 'secret', sought);

          const first = paths.map(takes).find((one) => one !== null);
          const excluded = exclude.some((one) => takes(one) !== null);
          expect(selected?.captures ?? null).toEqual(excluded ? null : (first?.captures ?? null));
          expect(isExcluded(selection, 'secret', sought)).toBe(excluded);
        },
      ),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
