import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from '../../src/kubernetes/lines.ts';

async function* cut(bytes: Buffer, cuts: readonly number[]) {
  let from = 0;
  for (const to of [...cuts.map((at) => at % (bytes.length + 1)), bytes.length].sort((left, right) => left - right)) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

test('lines are the same wherever their bytes are cut; what has no end is left out', async () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));

  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, cuts) => {
      const bytes = Buffer.from(`${lines.map((each) => `${each}\n`).join('')}half`);

      const read = await Array.fromAsync(linesOf(cut(bytes, cuts)));

      expect(read).toEqual(lines);
    }),
    { seed: 1, numRuns: 200 },
  );
});
