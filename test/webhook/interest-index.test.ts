import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern } from '../../src/paths/patterns.ts';
import { possibleSplits, readingsOf } from '../../src/paths/places.ts';
import { parseSelector } from '../../src/paths/selector.ts';
import type { Interest, InterestEntry } from '../../src/state/contract.ts';
import { buildInterestIndex, type HeardPlace } from '../../src/webhook/interest-index.ts';
import { interestIn } from './fakes.ts';

/** What the index must find, found by asking every entry. */
function matchNaively(interest: Interest, place: HeardPlace): string[] {
  const splits =
    place.mount === null
      ? possibleSplits(place.path)
      : [{ mount: place.mount, relative: place.path.slice(place.mount.length + 1) }];
  const found = splits.flatMap(({ mount, relative }) => {
    const version = interest.kvVersions[JSON.stringify([place.vault, place.namespace, mount])] ?? null;
    return readingsOf(relative, version)
      .filter(({ name }) => interest.entries.some((entry) => selects(entry, { ...place, mount }, name)))
      .map(({ name, kvVersion }) => `${mount}|${name}|${kvVersion}`);
  });
  return found.sort();
}

function selects(entry: InterestEntry, place: HeardPlace, name: string): boolean {
  if (entry.vault !== place.vault || entry.namespace !== place.namespace || entry.mount !== place.mount) return false;
  if (entry.literal !== null) return entry.literal === name;
  return name.startsWith(entry.prefix) && compilePattern(entry.pattern ?? '').test(name);
}

describe('buildInterestIndex', () => {
  test('finds what asking every entry finds', () => {
    const vaults = fc.constantFrom('main', 'other');
    const namespaces = fc.constantFrom('', 'team-a');
    const mounts = fc.constantFrom('secret', 'infra/kv');
    const literal = fc.constantFrom('app', 'app/db', 'data/app', 'config').map((name) => ({ literal: name }));
    const pattern = fc
      .constantFrom(
        ...['.*', 'app/.*', 'ap+', 'app?/db', 'a{0,2}pp', 'app/(db|web)', 'app|data/app', '(?i)APP/db', 'app\\/db'],
        ...['app/[a-z]+', '^app$', 'app', 'app/d.', '😀*app', 'data/(app)'],
      )
      .map((text) => ({ pattern: text, prefix: '' }));
    const inFolder = fc
      .constantFrom('app/.*', 'app/(db|web)', 'app/d?b')
      .map((text) => ({ pattern: text, prefix: 'app/' }));
    const entry = fc
      .record({ vault: vaults, namespace: namespaces, mount: mounts, what: fc.oneof(literal, pattern, inFolder) })
      .map(({ what, ...place }) => ({ ...place, ...what }));
    const kvVersions = fc.constantFrom<Interest['kvVersions']>(
      {},
      { '["main","","secret"]': 2 },
      { '["main","","secret"]': 1, '["main","team-a","infra/kv"]': 2 },
    );
    const place = fc.record({
      vault: vaults,
      namespace: namespaces,
      mount: fc.option(mounts),
      relative: fc.constantFrom(
        ...['data/app', 'data/app/db', 'app', 'app/db', 'metadata/app/web', 'data/data/app', 'ap', 'destroy/pp'],
        ...['data/😀app', 'config', 'data/app/dx', 'APP/db', 'undelete/config'],
      ),
    });

    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), kvVersions, place, (entries, versions, { relative, ...where }) => {
        const interest = interestIn(entries, versions);
        const heard = { ...where, path: `${where.mount ?? 'secret'}/${relative}` };

        const found = buildInterestIndex(interest, null).match(heard);

        const texts = found.map(({ mount, name, kvVersion }) => `${mount}|${name}|${kvVersion}`).sort();
        expect(texts).toEqual(matchNaively(interest, heard));
      }),
      { seed: 20_260_303, numRuns: 3_000 },
    );
  });

  test('gives both KV readings while the version of a mount is not known', () => {
    const interest = interestIn([{}], {});

    const found = buildInterestIndex(interest, null).match(heardAt('secret/data/app'));

    expect(found).toEqual([
      { mount: 'secret', name: 'app', kvVersion: 2 },
      { mount: 'secret', name: 'data/app', kvVersion: 1 },
    ]);
  });

  test('selects too much rather than too little with a pattern that it cannot compile', () => {
    const interest = interestIn([
      { prefix: 'app/', pattern: 'app/(?=x)' },
      { prefix: 'new/', pattern: '(?~new/)x' },
      { mount: 'kv', pattern: '\\9' },
    ]);

    const index = buildInterestIndex(interest, null);

    expect(index.match(heardAt('secret/data/app/db'))).toHaveLength(1);
    expect(index.match(heardAt('secret/data/new/db'))).toHaveLength(1);
    expect(index.match({ ...heardAt('kv/app/db'), mount: 'kv' })).toHaveLength(1);
    expect(index.match(heardAt('secret/data/web'))).toHaveLength(0);
  });

  test('takes compiled patterns over from the revision before', () => {
    const interest = interestIn([{ pattern: '[a-z]+' }, { pattern: '[0-9]+', mount: 'kv' }, { pattern: '[a-z]+' }]);
    const first = buildInterestIndex(interest, null);

    const second = buildInterestIndex(interestIn([{ pattern: '[a-z]+', mount: 'kv' }]), first);

    expect([...second.patterns.keys()]).toEqual(['[a-z]+']);
    expect(second.patterns.get('[a-z]+')).toBe(first.patterns.get('[a-z]+'));
  });

  test('tests no pattern for everything in a mount or below a folder', () => {
    const interest = interestIn([
      { pattern: '.*' },
      { mount: 'kv', prefix: 'app/', pattern: 'app/.*' },
      { mount: 'globs', prefix: 'v1.2/', pattern: 'v1\\.2/((?s:.*))' },
    ]);
    const index = buildInterestIndex(interest, null);
    const tested: string[] = [];
    for (const [text, pattern] of index.patterns) pattern.test = () => tested.push(text) > 0;

    expect(index.match(heardAt('secret/data/app/db'))).toHaveLength(1);
    expect(index.match({ ...heardAt('kv/app/db'), mount: 'kv' })).toHaveLength(1);
    expect(index.match({ ...heardAt('globs/v1.2/db'), mount: 'globs' })).toHaveLength(1);
    expect(index.match({ ...heardAt('globs/v1x2/db'), mount: 'globs' })).toHaveLength(0);
    expect(tested).toEqual([]);
  });

  test('knows globs by their text alone, the longest too', () => {
    const written = ['team-*/**', `${'*a'.repeat(254)}/*/*`].map((path) => parseSelector({ mount: 'secret', path }));
    const interest = interestIn(
      written.map((selector) =>
        selector.kind === 'pattern' ? { pattern: selector.text, prefix: selector.prefix } : {},
      ),
    );

    const index = buildInterestIndex(interest, null);

    expect(index.match(heardAt('secret/data/team-a/db'))).toHaveLength(1);
    expect(index.match(heardAt('secret/data/team-a'))).toHaveLength(0);
    expect(index.match(heardAt(`secret/data/${'a'.repeat(254)}/x/y`))).toHaveLength(1);
    expect(index.match(heardAt(`secret/data/${'a'.repeat(254)}/x`))).toHaveLength(0);
  });

  test.each([
    { namespace: '', mount: 'secret', within: true },
    { namespace: '', mount: 'kv', within: false },
    { namespace: '', mount: '', within: true },
    { namespace: 'team-a', mount: '', within: true },
    { namespace: 'team-a/prod', mount: '', within: true },
    { namespace: 'team', mount: '', within: false },
  ])('knows whether anything is selected in "$mount" of "$namespace"', ({ namespace, mount, within }) => {
    const index = buildInterestIndex(interestIn([{}, { namespace: 'team-a/prod', mount: 'kv' }]), null);

    expect(index.selectsWithin({ vault: 'main', namespace, mount })).toBe(within);
    expect(index.selectsWithin({ vault: 'other', namespace, mount })).toBe(false);
  });

  test('costs the same with ten thousand syncs as with one', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => [
      { literal: `app-${index}/db` },
      { pattern: `app-${index}-[a-z]+` },
      { pattern: `team-${index}/.*`, prefix: `team-${index}/` },
    ]).flat();
    const index = buildInterestIndex(interestIn(many), null);
    const tested: string[] = [];
    for (const [text, pattern] of index.patterns) {
      const original = pattern.test.bind(pattern);
      pattern.test = (name) => {
        tested.push(text);
        return original(name);
      };
    }

    const found = index.match(heardAt('secret/data/app-4711-web'));

    expect(found).toHaveLength(1);
    // Only patterns that begin as the name does: app-4-, app-47-, app-471- do not, app-4711- does.
    expect(tested).toEqual(['app-4711-[a-z]+']);
  });
});

function heardAt(path: string): HeardPlace {
  return { vault: 'main', namespace: '', mount: 'secret', path };
}
