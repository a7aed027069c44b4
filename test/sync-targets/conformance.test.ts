import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { targetKinds } from '../../src/sync-targets/registry.ts';
import { selectCases } from './conformance/selection.ts';

const cases = { 'creates a copy': async () => undefined, 'removes a copy': async () => undefined };

describe('the suite that every target passes', () => {
  test.each(Object.keys(targetKinds))('is run by %s, also on a real account', (store) => {
    const sources = [`./${store}.test.ts`, './real-accounts-rehearsed.test.ts', './real-accounts.test.ts'].map((path) =>
      readFileSync(new URL(path, import.meta.url), 'utf8'),
    );

    const [own, ...real] = sources;

    expect(own).toContain('targetConformance(');
    for (const source of real) expect(source).toContain(`./${store}/unlike-others.ts`);
  });

  test('runs or skips each case, and says why', () => {
    const reason = 'nothing in this store is ever removed';

    const selected = selectCases(cases, { 'removes a copy': reason });

    expect(selected).toEqual([
      { title: 'creates a copy', run: cases['creates a copy'] },
      { title: 'removes a copy', reason },
    ]);
  });

  test.each(['', '   ', 'no', 'not for us'])('takes %j for no reason', (reason) => {
    expect(() => selectCases(cases, { 'removes a copy': reason })).toThrow('say in a sentence why "removes a copy"');
  });

  test('takes no reason for a case that it does not have', () => {
    expect(() => selectCases(cases, { 'removes a cpoy': 'nothing in this store is ever removed' })).toThrow(
      'there is no case "removes a cpoy" to skip',
    );
  });
});
