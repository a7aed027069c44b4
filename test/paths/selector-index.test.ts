import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { matchName, parseSelector } from '../../src/paths/selector.ts';
import { createSelectorIndex } from '../../src/paths/selector-index.ts';

const root = { vault: 'main', namespace: '' };

describe('createSelectorIndex', () => {
  test('finds what asking every selector finds', () => {
    const place = fc.record({ vault: fc.constantFrom('main', 'other'), namespace: fc.constantFrom('', 'team-a') });
    const paths = ['app', 'app/db', 'a', '.*', 'app/.*', 'app/(db|web)', 'app/db/[a-z]+', 'a|app/db', 'app/?db'];
    const sources = paths.flatMap((path) => [
      parseSelector({ mount: 'secret', path }),
      parseSelector({ mount: 'kv', path }),
    ]);
    const name = fc.constantFrom('app', 'app/db', 'app/web', 'app/db/x', 'a', 'appdb', 'APP/db', '', '/', 'app/');

    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.constantFrom(...sources)), { maxLength: 12 }),
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
          }
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  test('asks only the patterns whose folders the name lies below', () => {
    const index = createSelectorIndex<string>();
    const asked: string[] = [];
    for (let team = 0; team < 300; team++) {
      const selector = parseSelector({ path: `secret/team-${team}/.*` });
      if (selector.kind !== 'pattern') throw new Error('not a pattern');
      const { pattern } = selector;
      const match = (name: string) => {
        asked.push(selector.prefix);
        return pattern.match(name);
      };
      index.add(root, { ...selector, pattern: { ...pattern, match } }, `team-${team}`);
    }

    const found = index.find({ ...root, mount: 'secret' }, 'team-7/db');

    expect(found).toEqual(['team-7']);
    expect(asked).toEqual(['team-7/']);
  });

  test('tells the mounts that something is selected in', () => {
    const index = createSelectorIndex<string>();
    index.add(root, parseSelector({ path: 'secret/app' }), 'one');
    index.add(root, parseSelector({ mount: 'infra/kv', path: '.*' }), 'two');
    index.add({ ...root, namespace: 'team-a' }, parseSelector({ path: 'other/app' }), 'three');

    expect([...index.mounts(root)]).toEqual(['secret', 'infra/kv']);
    expect([...index.mounts({ ...root, vault: 'unknown' })]).toEqual([]);
  });
});
