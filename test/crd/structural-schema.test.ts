import { describe, expect, test } from '@jest/globals';
import { structuralSchema } from '../../src/crd/generate/structural-schema.ts';
import { Spec, SyncStatus } from '../../src/crd/vault-secret-sync.ts';
import { cel, Type } from '../../src/schema.ts';
import { lintSchema } from './structural-lint.ts';

describe('a structural schema', () => {
  test('asks only for fields without a default, and leaves unknown fields to the API server', () => {
    const schema = Type.Object(
      { name: Type.String({ maxLength: 9 }), loud: Type.Boolean({ default: false }) },
      { additionalProperties: false },
    );

    const structural = structuralSchema(schema);

    expect(structural).toEqual({
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', maxLength: 9 }, loud: { type: 'boolean', default: false } },
    });
  });

  test('carries the CEL of a rule and its sentence, not our function', () => {
    const rule = { rule: "self != ''", holds: (self: string) => self !== '', message: 'say something' };
    const schema = Type.Array(Type.String(cel(rule)));

    const structural = structuralSchema(schema);

    expect(structural['items']).toEqual({
      type: 'string',
      'x-kubernetes-validations': [{ rule: "self != ''", message: 'say something' }],
    });
  });
});

describe('the lint of structural schemas', () => {
  test.each([
    ['Spec', Spec],
    ['SyncStatus', SyncStatus],
  ])('finds nothing in %s', (_name, schema) => {
    expect(lintSchema(structuralSchema(schema))).toEqual([]);
  });

  test('finds what the API server would refuse or what has no limit', () => {
    const faulty = {
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string', default: '' }, b: { const: 1 }, c: { type: 'array' } },
      additionalProperties: false,
    };

    expect(lintSchema(faulty)).toEqual([
      ': properties and additionalProperties',
      ': has no upper limit, so the cost of a rule on it has none',
      '.a: has a default and is required',
      '.a: has no upper limit, so the cost of a rule on it has none',
      '.b: const has no place in a structural schema',
      '.b: has no type',
      '.c: a list without items',
      '.c: has no upper limit, so the cost of a rule on it has none',
      '.*: no schema',
    ]);
  });
});
