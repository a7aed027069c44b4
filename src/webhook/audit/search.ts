/** Where a text begins in some bytes, at `from` or later; -1 when it is not there. */
export type Search = (bytes: Buffer, from: number) => number;

/**
 * Makes the search for one text (ASCII, 1 to 255 characters), by Horspool's method: the byte at which the text would have
 * to end tells how far to go on, most often by its whole length. `Buffer.indexOf` looks for the first byte alone, and a
 * text that begins with a quote makes it stop at every tenth byte of JSON.
 */
export function createSearch(text: string): Search {
  const wanted = Buffer.from(text, 'latin1');
  const { length } = wanted;
  const lastByte = wanted[length - 1] ?? 0;
  const steps = new Uint8Array(256).fill(length);
  for (const [at, byte] of wanted.subarray(0, -1).entries()) steps[byte] = length - 1 - at;
  const stepPastLast = steps[lastByte] ?? 1;
  // 0 = the text may end here.
  steps[lastByte] = 0;

  const endsAt = (bytes: Buffer, last: number): boolean => {
    const first = last - length + 1;
    for (let at = length - 2; at >= 0; at--) if (bytes[first + at] !== wanted[at]) return false;
    return true;
  };

  return (bytes, from) => {
    const end = bytes.length;
    for (let last = from + length - 1; last < end; ) {
      const step = steps[bytes[last] as number] as number;
      // A branch of its own: as long as it is guessed right, the next byte is fetched before this one is known.
      if (step === length) last += length;
      else if (step > 0) last += step;
      else if (endsAt(bytes, last)) return last - length + 1;
      else last += stepPastLast;
    }
    return -1;
  };
}
