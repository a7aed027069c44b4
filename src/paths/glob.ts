import { RE2JS } from 're2js';

/**
 * Whether a path is a glob: it has a `*`, and none of the other characters that make an RE2 pattern. A `.` right before
 * a `*`, or a backslash anywhere, makes it a pattern too, as for the ancestor: `team-*` is a glob, `team-.*` and
 * `team-\d*` are patterns.
 */
export function isGlob(path: string): boolean {
  return path.includes('*') && !/[[\](){}+?|\\]|\.\*/.test(path);
}

/**
 * A glob as RE2 text, each wildcard a numbered capture:
 * - `*`   anything within a segment, also nothing
 * - `**`  anything. As a whole segment before others it may be no segment at all: `a/**\/b` takes `a/b` too. At the
 *         end it takes what lies below: `a/**` does not take `a`
 *
 * Every other character is itself.
 */
export function globToPattern(glob: string): string {
  return glob
    .split(/((?<![^/])\*{2,}\/|\*+)/)
    .map((part) => {
      if (!part.startsWith('*')) return RE2JS.quote(part);
      if (part.endsWith('/')) return '(?:((?s:.*))/)?';
      return part === '*' ? '([^/]*)' : '((?s:.*))';
    })
    .join('');
}

/** A compiled glob, matched against whole strings. For those who are trusted with its length. */
export function compileGlob(glob: string): (text: string) => boolean {
  const regex = RE2JS.compile(globToPattern(glob));
  return (text) => regex.testExact(text);
}
