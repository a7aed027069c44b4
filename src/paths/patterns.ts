import { RE2JS, RE2JSException } from 're2js';
import { fixSpec } from '../errors.ts';

/**
 * Patterns longer than this are refused: compiling and keeping them costs memory (re2js: ~24 kB for a common one).
 * What users write has 512 characters at most; a glob of that length has fewer than six times as many as a pattern.
 */
const maxPatternLength = 3_072;
/** Instructions of a compiled pattern; nested repeats grow it. A match takes time in proportion to it. */
const maxProgramSize = 2_000;
/** Bytes, roughly, of states that a pattern keeps between matches. re2js keeps 8 MB: 100 hostile patterns are 800 MB. */
const maxCachedStates = 131_072;

/** Captures of one match: by number, and by name where the pattern names them. */
export interface Captures {
  readonly numbered: readonly string[];
  readonly named: Readonly<Record<string, string>>;
}

/** A compiled RE2 pattern, matched against whole strings. Linear time, whatever the pattern. */
export interface Pattern {
  /** Instructions of the compiled program. */
  readonly size: number;
  /** Much cheaper than `match`. */
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
  const regex = compile(text);
  const size = regex.programSize();
  if (size > maxProgramSize) {
    throw fixSpec('PatternTooLarge', `the pattern "${text}" is too large when compiled: use fewer or smaller repeats`);
  }
  const names = Object.entries(regex.namedGroups());
  let limited = false;
  return {
    size,
    test(subject) {
      if (!limited) limitCache(regex);
      limited = true;
      return regex.testExact(subject);
    },
    match(subject) {
      const matcher = regex.matcher(subject);
      const matches = matcher.matches();
      // Registers of long matches: megabytes where there are many groups.
      regex.reset();
      if (!matches) return null;
      const numbered = Array.from({ length: regex.groupCount() }, (_, index) => matcher.group(index + 1) ?? '');
      const named = Object.fromEntries(names.map(([name, index]) => [name, numbered[index - 1] ?? '']));
      return { numbered, named };
    },
  };
}

/** Bounds what a compiled pattern may keep of what it has seen: re2js would keep up to 8 MB for each. */
export function limitCache(regex: RE2JS): void {
  const { dfa } = regex.re2();
  dfa.stateBudget = maxCachedStates;
  dfa.memBudget = maxCachedStates;
}

function compile(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    const why = error instanceof RE2JSException ? error.message : 'it cannot be compiled';
    throw fixSpec(
      'PatternInvalid',
      `the pattern "${text}" is not RE2 (${why}); look-around and back-references do not exist there, and a character meant as itself needs a backslash before it`,
    );
  }
}
