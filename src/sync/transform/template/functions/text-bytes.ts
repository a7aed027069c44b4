import { Fault } from '../fault.ts';

/** Bytes of a text in UTF-8: what Go calls its length. */
export function lengthOf(text: string): number {
  return Buffer.byteLength(text);
}

/** Part of a text, by bytes. @throws Fault when that would cut a character in two: a copy is text, not bytes */
export function sliceText(text: string, start: number, end: number): string {
  const bytes = Buffer.from(text).subarray(start, end);
  return decodeText(bytes) ?? refuseCut();
}

/** The text that bytes are in UTF-8; null when they are none. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function refuseCut(): never {
  throw new Fault('the place to cut, counted in bytes, lies within a character');
}
