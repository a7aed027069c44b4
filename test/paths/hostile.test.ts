import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { requiredTexts } from '../../src/paths/required-texts.ts';
import { parseSelector } from '../../src/paths/selector.ts';
import { createSelectorIndex } from '../../src/paths/selector-index.ts';

const place = { vault: 'main', namespace: '', mount: 'secret' };

/** Patterns near the limits, without a text that every match holds; what they cost grows with the product of both sizes. */
const kinds: readonly ((variant: number) => string)[] = [
  // As many states as names can be told apart: what is kept of them must not grow without bounds.
  (variant) => `[ab]*a[ab]{${800 - variant}}`,
  (variant) => `.*a.{${500 + variant}}b.*`,
  (variant) => `(?:[ab]*a[ab]{${800 - variant}}|[ab]*b[ab]{900})`,
  // Nested repeats.
  (variant) => `(?:.{0,30}/){0,${20 + variant}}.*`,
  (variant) => `(?:\\pL*\\w*[a-z]{1,20}){${variant + 1}}`,
  (variant) => `(?:(?:(?:a*)*)*b?)*${'[ab]?'.repeat(variant + 1)}`,
  // As many groups as there can be.
  (variant) => '(a?)'.repeat(110) + '[ab]*'.repeat(1 + variant),
  (variant) => `${'(.*)'.repeat(120)}${'a?'.repeat(variant)}`,
  // Wildcards.
  (variant) => `${'*a'.repeat(100 + variant)}*`,
  (variant) => `${'**/'.repeat(100 + variant)}*`,
];

// Some seconds where processors are busy. Without the limits it is a minute and 800 MB.
test('a hundred hostile patterns and a name of 10,000 characters take bounded time and memory', () => {
  const index = createSelectorIndex<number>();
  const selectors = Array.from({ length: 100 }, (_, at) =>
    parseSelector({ mount: 'secret', path: kinds[at % kinds.length]?.(Math.floor(at / kinds.length)) ?? '' }),
  );
  for (const [at, selector] of selectors.entries()) index.add(place, selector, at);
  const before = heldMegabytes();

  for (const length of [10, 100, 10_000]) expect(index.find(place, lettersAtRandom(length)).length).toBeGreaterThan(10);

  expect(heldMegabytes() - before).toBeLessThan(60);
});

test('what patterns of all sorts require is told in bounded time', () => {
  const patterns = [
    '('.repeat(250) + ')'.repeat(250),
    ...['[['.repeat(256), '[[:'.repeat(170), '\\Q'.repeat(256), '(?s)'.repeat(128), 'a(?s)'.repeat(100)],
    ...[
      'a?'.repeat(256),
      '(a|b)'.repeat(100),
      '(a|b|c)?x'.repeat(56),
      '.*ab'.repeat(127),
      '(?:a{1,2}){1,2}'.repeat(34),
    ],
    ...[`(${'a|'.repeat(250)}b)`, 'a|'.repeat(250).concat('b'), '(((a|b)(c|d)(e|f))?(g|h|i))+'.repeat(17)],
  ];

  const told = patterns.map(requiredTexts);

  const kept = told.map(({ heads, tails, inner }) => [heads, tails, ...inner].flat().length);
  expect(Math.max(...kept)).toBeLessThanOrEqual(10 * 32);
});

function lettersAtRandom(length: number): string {
  let state = 12_345;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return 'ab'[(state >> 16) & 1];
  }).join('');
}

function heldMegabytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1e6;
}
