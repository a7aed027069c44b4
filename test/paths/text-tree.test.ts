import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TextTree } from '../../src/paths/text-tree.ts';

const text = fc.array(fc.constantFrom('a', 'b', 'ab', '/', '😀'), { maxLength: 5 }).map((parts) => parts.join(''));

function treeOf(direction: 'forwards' | 'backwards', texts: readonly string[]): TextTree<string> {
  const tree = new TextTree<string>(direction);
  for (const one of texts) tree.add(one, one);
  return tree;
}

function foundBy(tree: TextTree<string>, name: string, from: number): string[] {
  const found: string[] = [];
  tree.visit(name, from, (one) => {
    found.push(one);
    return false;
  });
  return found;
}

describe('TextTree', () => {
  test('finds every text that a name has at a position, the shortest first', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), text, fc.nat({ max: 3 }), (texts, name, from) => {
        const tree = treeOf('forwards', texts);

        const expected = texts.filter((one) => one !== '' && name.startsWith(one, from) && from <= name.length);
        expect(foundBy(tree, name, from)).toEqual(expected.sort((one, other) => one.length - other.length));
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });

  test('read backwards finds every text that a name ends with', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), text, (texts, name) => {
        const tree = treeOf('backwards', texts);

        const expected = texts.filter((one) => one !== '' && name.endsWith(one));
        expect(foundBy(tree, name, 0)).toEqual(expected.sort((one, other) => one.length - other.length));
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });

  test('counts what is kept under a text', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), text, (texts, asked) => {
        const expected = texts.filter((one) => one === asked).length;

        expect(treeOf('forwards', texts).count(asked)).toBe(expected);
        expect(treeOf('backwards', texts).count(asked)).toBe(expected);
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });

  test('stops as soon as enough was seen', () => {
    const tree = treeOf('forwards', ['a', 'ab', 'abc']);
    const seen: string[] = [];

    const stopped = tree.visit('abcd', 0, (one) => {
      seen.push(one);
      return one === 'ab';
    });

    expect([stopped, seen]).toEqual([true, ['a', 'ab']]);
  });
});
