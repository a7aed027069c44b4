/** What Unicode calls white space, as Go's `TrimSpace` knows it. */
const whiteSpace = /\p{White_Space}/u;

/** A text without the space around it. Takes time with the length of the text only, unlike `/\s+$/`. */
export function trimSpace(text: string): string {
  return text.slice(spaceBefore(text), spaceAfter(text));
}

/** Characters of space that a text begins with. */
export function spaceBefore(text: string): number {
  let start = 0;
  while (start < text.length && whiteSpace.test(text.charAt(start))) start++;
  return start;
}

/** Where the space that ends a text begins; the text's length when there is none. */
export function spaceAfter(text: string, space = whiteSpace): number {
  let end = text.length;
  while (end > 0 && space.test(text.charAt(end - 1))) end--;
  return end;
}
