/**
 * A batch of audit entries in one object has an object or array for every 90 bytes; the longest record that is taken can
 * have one for every two. Parsed, each takes some 100 bytes and half a microsecond, so that 32 MB would take gigabytes and
 * hold everybody up for ten seconds.
 */
const maxContainers = 1_000_000;

const openBrace = 0x7b;
const openBracket = 0x5b;

/** Whether a record has too many objects and arrays to be parsed. Those in strings count: they may be JSON, too. */
export function isTooComplex(record: Buffer): boolean {
  // Each takes at least two bytes.
  if (record.length < 2 * maxContainers) return false;
  let containers = 0;
  for (let at = 0; at < record.length; at++) {
    const byte = record[at];
    if (byte === openBrace || byte === openBracket) containers += 1;
  }
  return containers > maxContainers;
}
