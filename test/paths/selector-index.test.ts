import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSelection, selectSecret } from '../../src/paths/selection.ts';
import { matchName, parseSelector, type Selector } from '../../src/paths/selector.ts';
import { createSelectorIndex } from '../../src/paths/selector-index.ts';

const root = { vault: 'main', namespace: '' };
const secret = { ...root, mount: 'secret' };

/** A selector that notes when its pattern is tested. */
function noting(path: string, tested: string[]): Selector {
  const selector = parseSelector({ mount: 'secret', path });
  if (selector.kind === 'literal') return selector;
  const { pattern } = selector;
  const takes = (name: string) => {
    tested.push(path);
    return pattern.test(name);
  };
  return { ...selector, pattern: { ...pattern, test: takes } };
}

describe('createSelectorIndex', () => {
  test('finds what asking every selector finds', () => {
    const place = fc.record({ vault: fc.constantFrom('main', 'other'), namespace: fc.constantFrom('', 'team-a') });
    const paths = [
      ...['app', 'app/db', 'a', '.*', 'app/.*', 'app/(db|web)', 'app/db/[a-z]+', 'a|app/db', 'app/?db', '(?i)app/db'],
      ...[
        '**',
        '*',
        'app/*',
        '**/db',
        'a*/**',
        '*/db',
        'app/**/x',
        '.*/db',
        '.*p/d.*',
        '(app|a)/.*',
        '[a-z]+',
        'app/.+',
      ],
      ...[
        '(.*)',
        'app/(.*)',
        '.*(db|web)',
        '(db)?app.*',
        'a{2,}',
        '.*😀',
        '😀.*',
        'app\\/.*',
        '.*/d.*b',
        'a.*',
        'ap.*',
      ],
    ];
    const sources = paths.flatMap((path) => [
      parseSelector({ mount: 'secret', path }),
      parseSelector({ mount: 'kv', path }),
    ]);
    const name = fc.constantFrom(
      ...['app', 'app/db', 'app/web', 'app/db/x', 'a', 'appdb', 'APP/db', '', '/', 'app/', 'app/\n', '\n', 'db', 'aaa'],
      ...['app/😀', '😀', 'a/db', 'app/a/x', 'app/x', 'ap'],
    );

    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.constantFrom(...sources)), { maxLength: 24 }),
        place,
        name,
        (added, asked, sought) => {
          const index = createSelectorIndex<number>();
          const selectors = added.map(([at, selector]) => ({ at, selector }));
          for (const [item, { at, selector }] of selectors.entries()) index.add(at, selector, item);

          for (const mount of ['secret', 'kv', 'nowhere']) {
            const naively = [...selectors.keys()].filter((item) => {
              const { at, selector } = selectors[item]!;
              const here = at.vault === asked.vault && at.namespace === asked.namespace && selector.mount === mount;
              return here && matchName(selector, sought) !== null;
            });
            expect(index.find({ ...asked, mount }, sought).sort((one, other) => one - other)).toEqual(naively);
            expect(index.namesIn({ ...asked, mount })?.has(sought) ?? false).toBe(naively.length > 0);
          }
        },
      ),
      { seed: 1, numRuns: 1_500 },
    );
  });

  test('finds an item once, however many of its selectors take the name', () => {
    const index = createSelectorIndex<string>();
    for (const path of ['app/db', 'app/*', 'app/(d.)', 'a.*', 'a.*']) {
      index.add(root, parseSelector({ mount: 'secret', path }), 'one');
    }
    index.add(root, parseSelector({ mount: 'secret', path: 'a.*' }), 'two');

    expect(index.find(secret, 'app/db')).toEqual(['one', 'two']);
  });

  test('finds an item with a selection where that selects, and nowhere else', () => {
    const sources = [
      { mount: 'secret', paths: ['app/db', 'app/**'], exclude: ['app/web/*', '.*/x'] },
      { mount: 'secret', path: '**' },
      { paths: ['secret/app/(.*)', 'kv/app/*'], exclude: ['kv/app/db'] },
    ];
    const selections = sources.map(parseSelection);
    const index = createSelectorIndex<number>();
    for (const [item, selection] of selections.entries()) index.addSelection(root, selection, item);

    for (const mount of ['secret', 'kv']) {
      for (const name of ['app/db', 'app/web', 'app/web/a', 'app/web/x', 'web', 'app/x']) {
        const selecting = [...selections.keys()].filter((item) => selectSecret(selections[item]!, mount, name));
        expect(index.find({ ...root, mount }, name).sort()).toEqual(selecting);
      }
    }
  });

  test('tells the mounts and namespaces that something is selected in', () => {
    const index = createSelectorIndex<string>();
    index.add(root, parseSelector({ path: 'secret/app' }), 'one');
    index.add(root, parseSelector({ mount: 'infra/kv', path: '.*' }), 'two');
    index.add({ ...root, namespace: 'team-a' }, parseSelector({ path: 'other/app' }), 'three');

    expect([...index.mounts(root)]).toEqual(['secret', 'infra/kv']);
    expect([...index.mounts({ ...root, vault: 'unknown' })]).toEqual([]);
    expect(index.namespaces('main')).toEqual(['', 'team-a']);
    expect(index.namespaces('unknown')).toEqual([]);
    expect(index.namesIn({ ...root, mount: 'other' })).toBeNull();
  });
});

describe('the patterns that are tested for one name', () => {
  // Each with a name that it takes; the number tells apart what many syncs have in common.
  const kinds: readonly [path: (sync: number) => string, name: (sync: number) => string][] = [
    [(sync) => `app-${sync}/db`, (sync) => `app-${sync}/db`],
    [(sync) => `team-${sync}/[a-z]+`, (sync) => `team-${sync}/shop`],
    [(sync) => `team-${sync}-[a-z]+`, (sync) => `team-${sync}-eu`],
    [(sync) => `.*-${sync}/db`, (sync) => `eu/shop-${sync}/db`],
    [(sync) => `.*[a-z]-${sync}-[a-z].*`, (sync) => `eu/shop-${sync}-a`],
    [(sync) => `unit-${sync}/*`, (sync) => `unit-${sync}/shop`],
    [(sync) => `*/app-${sync}/**`, (sync) => `eu/app-${sync}/shop`],
    [(sync) => `**/app-${sync}`, (sync) => `eu/west/app-${sync}`],
    [(sync) => `(dev|prod)/app-${sync}/.*`, (sync) => `prod/app-${sync}/db`],
    [(sync) => `a-long-name-in-common-.*-${sync}`, (sync) => `a-long-name-in-common-x-${sync}`],
    [(sync) => `.*/(a|b)-of-${sync}/.*`, (sync) => `x/b-of-${sync}/y`],
  ];

  test.each([10, 1_000, 10_000])('are a handful at most, with %d syncs', (count) => {
    const tested: string[] = [];
    const index = createSelectorIndex<number>();
    for (let sync = 0; sync < count; sync++) {
      const [path] = kinds[sync % kinds.length]!;
      index.add(root, noting(path(sync), tested), sync);
    }
    const sought = Array.from({ length: 40 }, (_, at) => Math.floor((at * (count - 1)) / 39));

    for (const sync of sought) {
      const [, name] = kinds[sync % kinds.length]!;
      tested.length = 0;
      expect(index.find(secret, name(sync))).toEqual([sync]);
      expect(index.find(secret, name(sync).replace(/-\d+/, '-x'))).toEqual([]);
      expect(tested.length).toBeLessThanOrEqual(5);
    }
  });

  test('are none where a pattern takes everything below what it begins with', () => {
    const tested: string[] = [];
    const index = createSelectorIndex<string>();
    for (const path of ['.*', '(.*)', '**', 'app/.*', 'app/**', 'app/(.*)', 'v1\\.2/(.*)', 'app/d.*']) {
      index.add(root, noting(path, tested), path);
    }

    expect(index.find(secret, 'app/db')).toHaveLength(7);
    expect(index.find(secret, 'v1.2/db')).toHaveLength(4);
    expect(tested).toEqual([]);
    expect(index.find(secret, 'app/\n')).toEqual(['app/**', '**']);
  });

  test('are tested once for all who have the same', () => {
    const tested: string[] = [];
    const index = createSelectorIndex<number>();
    for (let sync = 0; sync < 100; sync++) index.add(root, noting('[a-z]+', tested), sync);

    expect(index.find(secret, 'app')).toHaveLength(100);
    expect(tested).toHaveLength(1);
  });
});
