import { fixSpec, SyncError } from '../errors.ts';
import { globToPattern, isGlob } from './glob.ts';
import { type Captures, compilePattern, looksLikePattern, type Pattern } from './patterns.ts';
import { type RequiredTexts, requiredTexts, tokensOf } from './required-texts.ts';

/** Which secrets of one mount are selected: one by its name, or those that a glob or pattern matches. */
export type Selector = LiteralSelector | PatternSelector;

export interface LiteralSelector {
  readonly kind: 'literal';
  readonly mount: string;
  readonly name: string;
}

interface PatternSelector {
  readonly kind: 'pattern';
  readonly mount: string;
  /** The name part as it is written when it is a glob; null for an RE2 pattern. */
  readonly glob: string | null;
  /** RE2 over the name within the mount, of a glob too. */
  readonly text: string;
  readonly pattern: Pattern;
  readonly required: RequiredTexts;
  /** Folders that every match lies below: '' or ending in '/'. Listing starts there. */
  readonly prefix: string;
  /** Characters of a matching name that the folders before the first wildcard or operator take. */
  readonly base: number;
}

/** Characters of a path, as the schema has it. */
const maxPathLength = 512;
const noCaptures: Captures = { numbered: [], named: {} };

/**
 * Reads a path of `source` as users write it. Without `mount` the first segment is the mount and the rest the name. The
 * name is
 * - a glob, with a `*` and nothing else that is special (`team-*\/**`; see `isGlob`)
 * - an RE2 pattern over the whole name, with one of `[](){}+*?|` otherwise: `team-(.*)/db`, and also `team-.*`
 * - literal in all other cases
 *
 * The name of a secret that holds such a character is written with a backslash before it. `field` is what errors call
 * the path, `source.path` by default.
 * @throws SyncError `FixSpec` when there is no mount or no name, or the pattern goes beyond the limits
 */
export function parseSelector(source: WrittenPath): Selector {
  const { mount, name } = splitSource(source);
  if (!looksLikePattern(name)) return { kind: 'literal', mount, name };
  const { field = 'source.path' } = source;
  if (name.length > maxPathLength) {
    throw fixSpec('PatternTooLong', `${field} has ${name.length} characters; at most ${maxPathLength} are allowed`);
  }
  const glob = isGlob(name) ? name : null;
  const text = glob === null ? name : globToPattern(glob);
  const pattern = glob === null ? compileWritten(name) : compilePattern(text);
  const required = requiredTexts(text);
  const prefix = foldersOf(required.heads);
  const base = glob === null ? baseOf(name) : prefix.length;
  return { kind: 'pattern', mount, glob, text, pattern, required, prefix, base };
}

/** Whoever writes `v1.*` and then `**` means a glob, which this is not: the error says what to write. */
function compileWritten(text: string): Pattern {
  try {
    return compilePattern(text);
  } catch (error) {
    if (!(error instanceof SyncError) || !isGlob(text.replaceAll('.*', '*'))) throw error;
    throw fixSpec(
      error.reason,
      `${error.message}. With a "." right before a "*" it is a pattern; if a glob is meant, write ${globToPattern(text)}`,
    );
  }
}

interface WrittenPath {
  readonly mount?: string | undefined;
  readonly path: string;
  readonly field?: string;
}

function splitSource(source: WrittenPath) {
  const { path, field = 'source.path' } = source;
  if (source.mount !== undefined) return { mount: source.mount, name: path };
  const slash = path.indexOf('/');
  const mount = path.slice(0, slash);
  if (slash <= 0 || slash === path.length - 1) {
    throw fixSpec(
      'PathInvalid',
      `${field} "${path}" must be a mount and a name, e.g. secret/app/db; or name the mount in source.mount`,
    );
  }
  if (looksLikePattern(mount)) {
    throw fixSpec(
      'MountIsPattern',
      `${field} "${path}" has a pattern where its mount stands: write the mount out, e.g. secret/${mount}, or use source.mount`,
    );
  }
  return { mount, name: path.slice(slash + 1) };
}

/** The folders that all of these texts begin with: '' or ending in '/'. */
function foldersOf([first = '', ...others]: readonly string[]): string {
  let folders = '';
  for (let slash = first.indexOf('/'); slash >= 0; slash = first.indexOf('/', slash + 1)) {
    const longer = first.slice(0, slash + 1);
    if (!others.every((other) => other.startsWith(longer))) break;
    folders = longer;
  }
  return folders;
}

/**
 * How long the folders before a pattern's first operator are in a matching name. The ancestor takes `.`, `^`, `$` and
 * escapes for parts of a literal folder, as in `v1.2/.*`.
 */
function baseOf(pattern: string): number {
  if (hasOuterAlternative(pattern)) return 0;
  const segments = pattern.split('/');
  const first = segments.findIndex((segment) => /[[\](){}+*?|]/.test(segment));
  // A quantifier binds to what stands before it, never across a slash unless the slash itself is quantified: `a/+b`.
  const quantified = first > 0 && /^[+*?{]/.test(segments[first] ?? '');
  const folders = segments.slice(0, Math.max(0, quantified ? first - 1 : first));
  return folders.map((folder) => `${folder}/`.replace(/\\(.)|[$^]/g, '$1').length).reduce((sum, one) => sum + one, 0);
}

/** An alternative outside all brackets may leave the folder: `a/b|c` matches `c` too. */
function hasOuterAlternative(pattern: string): boolean {
  let depth = 0;
  for (const token of tokensOf(pattern)) {
    // What stands between \Q and \E opens and closes nothing; too rare to be worth telling apart.
    if (token === '\\Q') return true;
    if (/^\((?!\?[a-zA-Z-]*\))/.test(token)) depth++;
    if (token === ')') depth--;
    if (token === '|' && depth === 0) return true;
  }
  return false;
}

/** Whether a selector takes a name of its mount. */
export function takesName(selector: Selector, name: string): boolean {
  if (selector.kind === 'literal') return selector.name === name;
  return name.startsWith(selector.prefix) && selector.pattern.test(name);
}

/** What the selector captures from a name; null when it does not select it. */
export function matchName(selector: Selector, name: string): Captures | null {
  if (selector.kind === 'literal') return selector.name === name ? noCaptures : null;
  return takesName(selector, name) ? selector.pattern.match(name) : null;
}
