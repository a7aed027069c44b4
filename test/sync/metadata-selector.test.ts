import { describe, expect, test } from '@jest/globals';
import type { MetadataSelector } from '../../src/crd/source.ts';
import { compileMetadataSelector } from '../../src/sync/metadata-selector.ts';

type Expression = NonNullable<MetadataSelector['matchExpressions']>[number];

const secret = { env: 'prod', team: 'a', empty: '' };

describe('a selector means what it means to Kubernetes', () => {
  test.each<[string, Expression, boolean]>([
    ['In, with its value', { key: 'env', operator: 'In', values: ['dev', 'prod'] }, true],
    ['In, with another value', { key: 'env', operator: 'In', values: ['dev'] }, false],
    ['In, without the key', { key: 'tier', operator: 'In', values: ['dev'] }, false],
    ['In the empty value, with that value', { key: 'empty', operator: 'In', values: [''] }, true],
    ['In the empty value, without the key', { key: 'tier', operator: 'In', values: [''] }, false],
    ['NotIn, with its value', { key: 'env', operator: 'NotIn', values: ['prod'] }, false],
    ['NotIn, with another value', { key: 'env', operator: 'NotIn', values: ['dev', 'test'] }, true],
    ['NotIn, without the key', { key: 'tier', operator: 'NotIn', values: ['dev'] }, true],
    ['NotIn the empty value, without the key', { key: 'tier', operator: 'NotIn', values: [''] }, true],
    ['Exists, with the key', { key: 'env', operator: 'Exists' }, true],
    ['Exists, with an empty value', { key: 'empty', operator: 'Exists' }, true],
    ['Exists, without the key', { key: 'tier', operator: 'Exists' }, false],
    ['DoesNotExist, with the key', { key: 'env', operator: 'DoesNotExist' }, false],
    ['DoesNotExist, with an empty value', { key: 'empty', operator: 'DoesNotExist' }, false],
    ['DoesNotExist, without the key', { key: 'tier', operator: 'DoesNotExist' }, true],
    ['letter case counts', { key: 'env', operator: 'In', values: ['Prod'] }, false],
    ['what every object has is no key', { key: 'constructor', operator: 'Exists' }, false],
  ])('%s', (_title, expression, expected) => {
    expect(compileMetadataSelector({ matchExpressions: [expression] })(secret)).toBe(expected);
  });

  test.each<[string, MetadataSelector, boolean]>([
    ['nothing at all selects everything', {}, true],
    ['one label that is there', { matchLabels: { env: 'prod' } }, true],
    ['every label must be there', { matchLabels: { env: 'prod', team: 'b' } }, false],
    ['an empty label is not a missing one', { matchLabels: { tier: '' } }, false],
    ['an empty label is there', { matchLabels: { empty: '' } }, true],
    [
      'labels and expressions must hold together',
      { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'team', operator: 'In', values: ['b'] }] },
      false,
    ],
    [
      'all expressions must hold',
      {
        matchExpressions: [
          { key: 'team', operator: 'Exists' },
          { key: 'tier', operator: 'DoesNotExist' },
          { key: 'env', operator: 'NotIn', values: ['dev'] },
        ],
      },
      true,
    ],
  ])('%s', (_title, selector, expected) => {
    expect(compileMetadataSelector(selector)(secret)).toBe(expected);
  });
});
