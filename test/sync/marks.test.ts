import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  fingerprintOf,
  isMarkedFor,
  marksOf,
  mountIdOf,
  ownerOf,
  parseSourceKey,
  readRef,
  refOf,
  type Stamp,
  sourceKeyOf,
  syncInRef,
  versionIdOf,
} from '../../src/sync/marks.ts';

const key = Buffer.from('0123456789abcdef');
const stamp: Stamp = {
  owner: 'd4c1d1c0d7c4b1a0a0b1c2d3e4f50617',
  ref: 'team-a/db',
  source: '["main","","secret","app/db"]',
  mountUuid: 'a-uuid',
  key: null,
  version: 7,
  fingerprint: '00112233445566778899aabbccddeeff',
};

// These stand in the stores of every installation: a change of any orphans or rewrites every copy there is.
describe('marks are for ever', () => {
  test('the owner mark', () => {
    expect(ownerOf({ installation: 'prod', namespace: 'team-a', name: 'db' })).toBe('afa9373c5f50a5d8b1c4c1a3613457b1');
    expect(ownerOf({ installation: 'é"\\', namespace: '', name: '日本' })).toBe('2cdb97f0b5e7844ed913d103dfa3ed1f');
  });

  test('the readable owner', () => {
    expect(refOf({ namespace: 'team-a', name: 'db' })).toBe('team-a/db');
    expect(refOf({ namespace: 'n'.repeat(63), name: 'x'.repeat(253) })).toBe(`${'n'.repeat(63)}/${'x'.repeat(136)}`);
  });

  test('the source key', () => {
    expect(sourceKeyOf('main', [{ namespace: 'a/b', mount: 'infra/kv', name: 'app/db' }])).toBe(
      '["main","a/b","infra/kv","app/db"]',
    );
    const merged = ['one', 'two'].map((name) => ({ namespace: '', mount: 'secret', name }));
    expect(sourceKeyOf('main', [merged[0]!, merged[1]!])).toBe('["main","","secret","one","secret","two"]');
  });

  test('the state mark', () => {
    expect(marksOf(stamp)).toEqual({
      owner: stamp.owner,
      ref: 'team-a/db secret/app/db a11d3039',
      state: '7.073aadac76c86bd2.00112233445566778899aabbccddeeff',
    });
  });

  test('the reference mark of a copy by key, and of a path with letters that no tag can hold', () => {
    const source = sourceKeyOf('main', [{ namespace: 'a', mount: 'kv', name: 'app/é =4A#' }]);
    expect(marksOf({ ...stamp, source, mountUuid: null, key: 'user name' }).ref).toBe(
      'team-a/db kv/app/=C3=A9=20=3D4A=23 - user=20name',
    );
  });

  test('the fingerprint', () => {
    expect(fingerprintOf(key, ['app/db', [['aws', []]], '{"user":"ada"}'])).toBe('59c2b53052f451b8150811b24a882eb4');
  });

  test('the version id, of a first version and of one that replaces another', () => {
    expect(versionIdOf(key, stamp, null)).toBe('vss1-0000000007-9e28f991db0bf139afdba836aafae5f81eafc6b3');
    expect(versionIdOf(key, stamp, 'vss1-0000000007-9e28f991db0bf139afdba836aafae5f81eafc6b3')).toBe(
      'vss1-0000000007-5902916884db0fe71c2cda8840fc1ec9c7d435c1',
    );
  });
});

describe('ownerOf', () => {
  test('tells apart what only joins to the same text', () => {
    const one = ownerOf({ installation: 'a', namespace: 'b/c', name: 'd' });
    const other = ownerOf({ installation: 'a', namespace: 'b', name: 'c/d' });

    expect(one).not.toBe(other);
  });
});

describe('versionIdOf', () => {
  const stamps = fc.record({
    owner: fc.string(),
    ref: fc.string(),
    source: fc.string({ unit: 'binary' }),
    mountUuid: fc.option(fc.string()),
    key: fc.option(fc.string()),
    version: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fingerprint: fc.string(),
  });

  test('is what AWS takes for a ClientRequestToken: 32 to 64 characters of letters, digits and hyphens', () => {
    fc.assert(
      fc.property(stamps, fc.option(fc.string()), (given, replaced) => {
        expect(versionIdOf(key, given, replaced)).toMatch(/^vss1-\d{10}-[0-9a-f]{40}$/);
        expect(versionIdOf(key, given, replaced)).toMatch(/^[A-Za-z0-9-]{32,64}$/);
      }),
      { seed: 1 },
    );
  });

  test('is the same for the same write, so that a retry changes nothing', () => {
    expect(versionIdOf(key, { ...stamp }, 'before')).toBe(versionIdOf(key, { ...stamp }, 'before'));
  });

  test.each<[string, Partial<Stamp>]>([
    ['owner', { owner: 'another' }],
    ['source', { source: 'another' }],
    ['version', { version: 8 }],
    ['fingerprint', { fingerprint: 'another' }],
  ])('is another for another %s', (_what, change) => {
    expect(versionIdOf(key, { ...stamp, ...change }, null)).not.toBe(versionIdOf(key, stamp, null));
  });

  test('is another when it replaces another version: a flip back is a new version', () => {
    const ids = [null, 'one', 'two'].map((replaced) => versionIdOf(key, stamp, replaced));

    expect(new Set(ids).size).toBe(3);
  });

  test('is another under another key, so that nobody else can make one', () => {
    expect(versionIdOf(Buffer.from('another key here'), stamp, null)).not.toBe(versionIdOf(key, stamp, null));
  });
});

describe('fingerprintOf', () => {
  test('is 32 hex that depend on the key', () => {
    const prints = [key, Buffer.from('another key here')].map((used) => fingerprintOf(used, ['value']));

    expect(prints[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(prints[0]).not.toBe(prints[1]);
  });
});

describe('parseSourceKey', () => {
  test('reads back what sourceKeyOf wrote', () => {
    const text = fc.string({ unit: 'binary' });

    fc.assert(
      fc.property(text, text, fc.array(fc.tuple(text, text), { minLength: 1 }), (vault, namespace, names) => {
        const [first, ...rest] = names.map(([mount, name]) => ({ namespace, mount, name }));
        const places = [first!, ...rest] as const;
        expect(parseSourceKey(sourceKeyOf(vault, places))).toEqual({ vault, places });
      }),
      { seed: 1 },
    );
  });
});

describe('a reference mark', () => {
  const parts = fc.record({
    mount: fc.string({ unit: 'grapheme', minLength: 1 }),
    name: fc.string({ unit: 'grapheme', minLength: 1 }),
    key: fc.option(fc.string({ unit: 'grapheme', minLength: 1 })),
  });

  test('is read back, and is what every store takes: 256 characters of those that AWS has for tags', () => {
    fc.assert(
      fc.property(parts, ({ mount, name, key }) => {
        const source = sourceKeyOf('main', [{ namespace: '', mount, name }]);
        const { ref } = marksOf({ ...stamp, source, key });

        expect(ref).toMatch(/^[\w.:/=+@ -]{1,256}$/);
        expect(syncInRef(ref)).toBe('team-a/db');
        if (ref !== stamp.ref)
          expect(readRef(ref)).toEqual({ path: `${mount}/${name}`, mountId: mountIdOf('a-uuid'), key });
      }),
      { seed: 1 },
    );
  });

  test('tells the sync alone where the rest would not fit', () => {
    const refWith = (length: number) =>
      marksOf({ ...stamp, source: sourceKeyOf('main', [{ namespace: '', mount: 'kv', name: 'n'.repeat(length) }]) })
        .ref;

    const others = 'team-a/db kv/ 12345678'.length;
    expect(refWith(256 - others)).toHaveLength(256);
    expect(refWith(257 - others)).toBe('team-a/db');
  });

  test.each([
    '',
    'team-a/db',
    'team-a/db a/b',
    'team-a/db a/b 1 c d',
    'team-a/db kv/=4 1',
    'team-a/db kv/=zz 1',
    'team-a/db kv/ä 1',
    'a b/c 1 ',
  ])('that is %j tells no source', (ref) => {
    expect(readRef(ref)).toBeNull();
  });
});

describe('isMarkedFor', () => {
  const { state } = marksOf(stamp);

  test('knows a copy of the source by its state mark', () => {
    expect(isMarkedFor(state, stamp.source)).toBe(true);
    expect(isMarkedFor(state, '["main","","secret","app/web"]')).toBe(false);
  });

  test('without a mark that can be read, it may be one', () => {
    expect([null, '', 'broken'].map((mark) => isMarkedFor(mark, stamp.source))).toEqual([true, true, true]);
  });
});
