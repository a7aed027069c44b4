import { beginnings } from './encoded.ts';
import { holdsAt } from './spelling.ts';

const backslash = 0x5c;
const quote = 0x22;

/** What a string of base64 begins with, and the letter of it that is the rarest in audit entries. */
const openings = beginnings.map((text) => {
  const opening = `"${text}`;
  const offset = opening.search(/[JwWH]/);
  return { bytes: Buffer.from(opening), letter: opening.charCodeAt(offset), offset };
});
/** Of one such letter; to look for each costs as much as to look at a hundred bytes. */
const mostLetters = 64;

/** No escape that could hide a letter, or JSON within JSON within a string; and no base64 that would be decoded. */
export function hidesNothing(record: Buffer): boolean {
  if (mayHoldBase64(record)) return false;
  let at = record.indexOf(backslash);
  if (at < 0) return true;
  for (; at < record.length; at++) {
    if (record[at] !== backslash) continue;
    at++;
    if (!isPlainEscape(record[at])) return false;
  }
  return true;
}

/** Only whole strings are decoded (see `decodeText`), and in JSON within a string, too, a quote stands before them. */
function mayHoldBase64(record: Buffer): boolean {
  for (const { bytes, letter, offset } of openings) {
    let letters = 0;
    for (let at = record.indexOf(letter); at >= 0; at = record.indexOf(letter, at + 1)) {
      letters += 1;
      if (letters > mostLetters || holdsAt(record, bytes, at - offset)) return true;
    }
  }
  return false;
}

function isPlainEscape(byte: number | undefined): boolean {
  return byte === quote || byte === 0x6e || byte === 0x72 || byte === 0x74;
}
