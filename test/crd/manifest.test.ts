import { describe, expect, test } from '@jest/globals';
import { durationMs } from '../../src/crd/duration.ts';
import { parseManifest } from '../../src/crd/manifest.ts';
import { manifestWith } from './manifests.ts';

describe('a manifest in a file', () => {
  test('gets the defaults of the schema', () => {
    const parsed = parseManifest(manifestWith({}));

    expect(parsed).toMatchObject({
      sync: {
        spec: {
          suspend: false,
          dryRun: false,
          refreshInterval: '1h',
          deletionPolicy: 'Delete',
          removalPolicy: 'Retain',
        },
      },
    });
  });

  test('is not changed by being judged', () => {
    const manifest = Object.freeze(manifestWith({}));

    parseManifest(manifest);

    expect(manifest).toEqual(manifestWith({}));
  });

  test('is told everything that is wrong with it at once', () => {
    const manifest = manifestWith({ source: { path: 'secret/app/' }, dest: [{ aws: { regoin: 'x', name: 'a b' } }] });

    const parsed = parseManifest(manifest);

    expect(parsed).toEqual({
      problems: [
        { path: 'spec.dest[0].aws.regoin', message: 'unknown field; did you mean "region"?' },
        { path: 'spec.source.path', message: 'write the path without a slash at either end, e.g. secret/app/db' },
        {
          path: 'spec.dest[0].aws.name',
          message: 'AWS Secrets Manager names have letters, digits and /_+=.@- only: change the other characters',
        },
      ],
    });
  });

  test('of the Go project is told which apiVersion to write', () => {
    const parsed = parseManifest({ ...manifestWith({}), apiVersion: 'vaultsecretsync.lestak.sh/v1alpha1' });

    expect(parsed).toEqual({
      problems: [{ path: 'apiVersion', message: 'must be one of "vaultsecretsync.dev/v1alpha1"' }],
    });
  });

  test.each([[null], ['text'], [7], [[]]])('that is %p is refused', (document) => {
    expect(parseManifest(document)).toEqual({ problems: [{ path: '', message: 'must be object' }] });
  });

  test('may carry what belongs to Kubernetes: labels and a status', () => {
    const manifest = { ...manifestWith({}, { labels: { a: 'b' }, uid: '1' }), status: { copies: '1/1' } };

    expect(parseManifest(manifest)).toHaveProperty('sync');
  });
});

test.each([
  ['0', 0],
  ['10s', 10_000],
  ['1h30m15s', 5_415_000],
  ['1d', null],
  ['', null],
  ['1h\n', null],
])('the duration %p is %p ms', (text, expected) => {
  expect(durationMs(text)).toBe(expected);
});
