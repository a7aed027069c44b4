import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  comparableAddress,
  possibleSplits,
  readingsOf,
  splitAtMountPoint,
  trimSlashes,
} from '../../src/paths/places.ts';

describe('readingsOf', () => {
  test.each(['data', 'metadata', 'delete', 'undelete', 'destroy'])(
    '%s/app is the secret app of KV v2, or the secret of that whole name of KV v1',
    (prefix) => {
      expect(readingsOf(`${prefix}/app`, null)).toEqual([
        { kvVersion: 2, name: 'app' },
        { kvVersion: 1, name: `${prefix}/app` },
      ]);
    },
  );

  test('where the KV version is known there is one reading', () => {
    expect([readingsOf('data/app/db', 2), readingsOf('data/app/db', 1)]).toEqual([
      [{ kvVersion: 2, name: 'app/db' }],
      [{ kvVersion: 1, name: 'data/app/db' }],
    ]);
  });

  test('a path that KV v2 has no change under is none of its secrets', () => {
    const paths = ['app/db', 'config', 'data', 'data/', 'subkeys/app', 'datax/app', ''];

    expect(paths.flatMap((path) => readingsOf(path, 2))).toEqual([]);
  });

  test('only the first segment is taken for a prefix', () => {
    expect(readingsOf('data/data/app', 2)).toEqual([{ kvVersion: 2, name: 'data/app' }]);
  });
});

describe('splitAtMountPoint', () => {
  test.each([
    ['secret/data/app', 'secret/', '', { mount: 'secret', relative: 'data/app' }],
    ['infra/kv/data/app', 'infra/kv/', '', { mount: 'infra/kv', relative: 'data/app' }],
    ['secret/data/app', 'team-a/prod/secret/', 'team-a/prod', { mount: 'secret', relative: 'data/app' }],
    ['secret/data/app', 'secret/', 'team-a', { mount: 'secret', relative: 'data/app' }],
    ['secretly/data/app', 'secret/', '', null],
    ['secret', 'secret/', '', null],
    ['secret/data/app', '', '', null],
  ])('splits %s at %j in namespace %j', (path, mountPoint, namespace, expected) => {
    expect(splitAtMountPoint({ path, mountPoint, namespace })).toEqual(expected);
  });
});

describe('possibleSplits', () => {
  test('gives every mount that may be meant, the shortest first', () => {
    expect(possibleSplits('infra/kv/data/app')).toEqual([
      { mount: 'infra', relative: 'kv/data/app' },
      { mount: 'infra/kv', relative: 'data/app' },
      { mount: 'infra/kv/data', relative: 'app' },
    ]);
  });

  test.each(['', 'secret', 'secret/', '/secret'])('gives none for %j', (path) => {
    expect(possibleSplits(path)).toEqual([]);
  });

  test('every split is the path again', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 12 }), (parts) => {
        const path = parts.join('');
        for (const { mount, relative } of possibleSplits(path)) expect(`${mount}/${relative}`).toBe(path);
      }),
      { seed: 1 },
    );
  });
});

describe('comparing addresses and namespaces', () => {
  test('slashes at the ends of a namespace do not count', () => {
    expect(['/a/b/', 'a', '', '/', '///', 'a//'].map(trimSlashes)).toEqual(['a/b', 'a', '', '', '', 'a']);
  });

  test('neither letter case nor a slash at the end of an address counts', () => {
    expect(comparableAddress('HTTPS://Vault.example.com:8200//')).toBe('https://vault.example.com:8200');
  });

  test.each([
    ['trimSlashes', trimSlashes],
    ['comparableAddress', comparableAddress],
  ])('%s takes linear time over a million slashes in the middle', (_name, trim) => {
    const hostile = `a${'/'.repeat(1_000_000)}b`;
    const startedAt = performance.now();

    expect(trim(hostile)).toBe(hostile);

    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
