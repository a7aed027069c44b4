import { RE2JS, RE2JSException } from 're2js';
import { fixSpec } from '../errors.ts';

/** Patterns longer than this are refused: compiling and keeping them costs memory (re2js: ~24 kB for a common one). */
const maxPatternLength = 512;
/** Instructions of a compiled pattern; nested repeats grow it. */
const maxProgramSize = 5_000;

/** Captures of one match: by number, and by name where the pattern names them. */
export interface Captures {
  readonly numbered: readonly string[];
  readonly named: Readonly<Record<string, string>>;
}

/** A compiled RE2 pattern, matched against whole strings. Linear time, whatever the pattern. */
export interface Pattern {
  readonly groupCount: number;
  readonly groupNames: readonly string[];
  test(text: string): boolean;
  match(text: string): Captures | null;
}

/** The ancestor's rule for what is a pattern: one of these characters. `.`, `^`, `$` and `\d` alone do not make one. */
export function looksLikePattern(path: string): boolean {
  return /[[\](){}+*?|]/.test(path);
}

/**
 * Compiles a pattern that must match the whole string.
 * @throws SyncError `FixSpec` for syntax that RE2 does not have, and for patterns beyond the limits
 */
export function compilePattern(text: string): Pattern {
  if (text.length > maxPatternLength) {
    throw fixSpec(
      'PatternTooLong',
      `the pattern has ${text.length} characters; at most ${maxPatternLength} are allowed`,
    );
  }
  // On its own first: brackets that only balance inside our anchors must not pass.
  compile(text, text);
  const regex = compile(`^(?:${text})$`, text);
  if (regex.programSize() > maxProgramSize) {
    throw fixSpec('PatternTooLarge', `the pattern "${text}" is too large when compiled: use fewer or smaller repeats`);
  }
  const names = Object.entries(regex.namedGroups());
  return {
    groupCount: regex.groupCount(),
    groupNames: names.map(([name]) => name),
    test: (subject) => regex.test(subject),
    match(subject) {
      const matcher = regex.matcher(subject);
      if (!matcher.find()) return null;
      const numbered = Array.from({ length: regex.groupCount() }, (_, index) => matcher.group(index + 1) ?? '');
      const named = Object.fromEntries(names.map(([name, index]) => [name, numbered[index - 1] ?? '']));
      return { numbered, named };
    },
  };
}

function compile(expression: string, shown: string): RE2JS {
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    const why = error instanceof RE2JSException ? error.message : 'it cannot be compiled';
    throw fixSpec(
      'PatternInvalid',
      `the pattern "${shown}" is not RE2 (${why}); look-around and back-references do not exist there, and a character meant as itself needs a backslash before it`,
    );
  }
}
