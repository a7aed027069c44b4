import { RE2JS, RE2JSException } from 're2js';
import { fixSpec } from '../../errors.ts';
import { limitCache, looksLikePattern } from '../../paths/patterns.ts';

/** Characters of one pattern. */
const maxPatternLength = 512;
/** Instructions of one compiled pattern; nested repeats grow it. */
const maxProgramSize = 5_000;

/**
 * Compiles an RE2 pattern that may match anywhere in a text, as Go's `MatchString` does. `where` begins the complaint,
 * e.g. `filters.regex.exclude[2]`.
 * @throws SyncError `FixSpec` for syntax that RE2 does not have, and for patterns beyond the limits
 */
export function compileSearch(text: string, where: string): RE2JS {
  if (text.length > maxPatternLength) {
    throw fixSpec(
      'PatternTooLong',
      `${where} has ${text.length} characters; a pattern has at most ${maxPatternLength}: split it into several entries`,
    );
  }
  const pattern = compile(text, where);
  limitCache(pattern);
  if (pattern.programSize() > maxProgramSize) {
    throw fixSpec('PatternTooLarge', `${where}, "${text}", is too large when compiled: use fewer or smaller repeats`);
  }
  return pattern;
}

/** A test for one entry of a list of keys: a pattern when it has one of `[](){}+*?|`, else the key itself. */
export function compileKeyTest(entry: string, where: string): (key: string) => boolean {
  if (!looksLikePattern(entry)) return (key) => key === entry;
  const pattern = compileSearch(entry, where);
  return (key) => pattern.test(key);
}

function compile(text: string, where: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    const why = error instanceof RE2JSException ? error.message : 'it cannot be compiled';
    throw fixSpec(
      'PatternInvalid',
      `${where}, "${text}", is not RE2 (${why}); look-around and back-references do not exist there, and a character meant as itself needs a backslash before it`,
    );
  }
}
