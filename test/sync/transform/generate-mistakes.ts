import fc from 'fast-check';
import type { Question } from './ask-go.ts';

/** Templates that few would write: directives of `printf` that do not fit, and templates with a slip of the hand. */

const directive = fc
  .tuple(
    fc.subarray(['+', '-', ' ', '0']),
    fc.constantFrom('', '', '1', '3', '8', '12'),
    fc.constantFrom('', '', '.', '.0', '.1', '.3', '.7', '.25'),
    fc.constantFrom(...'vdsqtxXobceEfFgGT'),
  )
  .map(([flags, width, precision, verb]) => `%${flags.join('')}${width}${precision}${verb}`);
const floats = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, min: -1000, max: 1000 }),
  fc.integer({ min: -10_000, max: 10_000 }).map((value) => value / 8),
);
const argument = fc.oneof(
  floats.map((value) => (/[.e]/.test(String(value)) ? String(value) : `${value}.0`)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => goLiteral(text)),
  fc.constantFrom('true', 'nil', '(list "a" 1 nil true 1.5)'),
);

/** A text as a literal that Go reads: JSON's escapes are Go's, but for lone surrogates, which texts do not have. */
function goLiteral(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** Directives of `printf` with arguments, few of which fit. */
export const printfQuestions: fc.Arbitrary<Question> = fc
  .array(fc.tuple(directive, argument), { minLength: 1, maxLength: 4 })
  .map((pairs) => {
    const format = pairs.map(([text]) => text).join('|');
    const given = pairs.map(([, value]) => value).join(' ');
    return { template: `{{ printf ${JSON.stringify(format)} ${given} }}`, data: {} };
  });

/** Templates in which one character was lost, doubled or replaced. */
export function mutilatedQuestions(templates: readonly string[], secret: unknown): fc.Arbitrary<Question> {
  return fc
    .tuple(fc.constantFrom(...templates), fc.nat(), fc.constantFrom('', '', ...'{}()|.,:=$"`\\-/* \naé1_'))
    .map(([template, where, replacement]) => {
      const characters = [...template];
      const at = where % Math.max(characters.length, 1);
      characters.splice(at, where % 3 === 0 ? 0 : 1, replacement);
      return { template: characters.join(''), data: secret };
    });
}
