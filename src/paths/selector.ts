import { fixSpec } from '../errors.ts';
import { type Captures, compilePattern, looksLikePattern, type Pattern } from './patterns.ts';

/** Which secrets of one mount are selected: one by its name, or those that a pattern matches. */
export type Selector = LiteralSelector | PatternSelector;

interface LiteralSelector {
  readonly kind: 'literal';
  readonly mount: string;
  readonly name: string;
}

interface PatternSelector {
  readonly kind: 'pattern';
  readonly mount: string;
  /** RE2 over the name within the mount. */
  readonly text: string;
  readonly pattern: Pattern;
  /** Folders that every match lies below: '' or ending in '/'. Listing starts there. */
  readonly prefix: string;
  /** Characters of a matching name that the folders before the pattern's first operator take. */
  readonly base: number;
}

const noCaptures: Captures = { numbered: [], named: {} };

/**
 * Reads `source.path` (and `source.mount`) as users write them. Without `mount` the first segment is the mount and the
 * rest the name; a path with one of `[](){}+*?|` is a pattern over the whole path, any other is literal. The name of a
 * secret that holds such a character is written with a backslash before it.
 * @throws SyncError `FixSpec` when there is no mount or no name, or the pattern goes beyond the limits
 */
export function parseSelector(source: { readonly mount?: string | undefined; readonly path: string }): Selector {
  const { mount, name } = splitSource(source);
  if (!looksLikePattern(name)) return { kind: 'literal', mount, name };
  const pattern = compilePattern(name);
  const prefix = asFolders(leadingFolders(name, /[[\](){}+*?|.^$\\]/));
  // The ancestor takes `.`, `^`, `$` and escapes for parts of a literal folder, as in `v1.2/.*`.
  const folders = asFolders(leadingFolders(name, /[[\](){}+*?|]/));
  return { kind: 'pattern', mount, text: name, pattern, prefix, base: folders.replace(/\\(.)|[$^]/g, '$1').length };
}

function splitSource(source: { readonly mount?: string | undefined; readonly path: string }) {
  if (source.mount !== undefined) return { mount: source.mount, name: source.path };
  const slash = source.path.indexOf('/');
  const mount = source.path.slice(0, slash);
  if (slash <= 0 || slash === source.path.length - 1) {
    throw fixSpec(
      'PathInvalid',
      `source.path "${source.path}" must be a mount and a name, e.g. secret/app/db; or name the mount in source.mount`,
    );
  }
  if (looksLikePattern(mount)) {
    throw fixSpec(
      'MountIsPattern',
      `source.path "${source.path}" has a pattern where its mount stands: write the mount out, e.g. secret/${mount}, or use source.mount`,
    );
  }
  return { mount, name: source.path.slice(slash + 1) };
}

/** The segments of a pattern before the first one with an operator in it. */
function leadingFolders(pattern: string, operator: RegExp): string[] {
  if (hasOuterAlternative(pattern)) return [];
  const segments = pattern.split('/');
  const first = segments.findIndex((segment) => operator.test(segment));
  // A quantifier binds to what stands before it, never across a slash unless the slash itself is quantified: `a/+b`.
  const quantified = first > 0 && /^[+*?{]/.test(segments[first] ?? '');
  return segments.slice(0, Math.max(0, quantified ? first - 1 : first));
}

/** '' or ending in '/'. */
function asFolders(segments: readonly string[]): string {
  return segments.map((segment) => `${segment}/`).join('');
}

/** An alternative outside all brackets may leave the folder: `a/b|c` matches `c` too. */
function hasOuterAlternative(pattern: string): boolean {
  let depth = 0;
  for (const [token] of pattern.matchAll(/\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|[()|]/gs)) {
    // What stands between \Q and \E opens and closes nothing; too rare to be worth telling apart.
    if (token === '\\Q') return true;
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (token === '|' && depth === 0) return true;
  }
  return false;
}

/** What the selector captures from a name; null when it does not select it. */
export function matchName(selector: Selector, name: string): Captures | null {
  if (selector.kind === 'literal') return selector.name === name ? noCaptures : null;
  return name.startsWith(selector.prefix) ? selector.pattern.match(name) : null;
}

/**
 * The name that a destination asks for. `template` is what the manifest says, if anything:
 * - nothing: the secret's own name
 * - a pattern with groups: `$1`, `${1}`, `${name}` replaced by what they captured
 * - a pattern without groups: the template, then what follows the folders before its first operator (the ancestor's rule)
 *
 * `derived` tells whether any of it came from the path: only then may a store change characters that it lacks.
 * @throws SyncError `FixSpec` for a capture that the pattern does not have
 */
export function expandName(options: {
  readonly template: string | undefined;
  readonly selector: Selector;
  readonly name: string;
  readonly captures: Captures;
}): { name: string; derived: boolean } {
  const { template, selector, name, captures } = options;
  if (template === undefined) return { name, derived: true };
  if (selector.kind === 'literal') return { name: template, derived: false };
  if (captures.numbered.length === 0) {
    return { name: `${template.replace(/\/+$/, '')}/${name.slice(selector.base)}`, derived: true };
  }
  let derived = false;
  const expanded = template.replace(/\$(?:(\d+)|\{(\w+)\})/g, (whole, digits?: string, braced?: string) => {
    const reference = digits ?? braced ?? '';
    const text = captureOf(captures, reference);
    if (text === undefined) {
      throw fixSpec(
        'CaptureUnknown',
        `the name "${template}" uses ${whole}, but the pattern "${selector.text}" has ${describeGroups(captures)}`,
      );
    }
    derived = true;
    return text;
  });
  return { name: expanded, derived };
}

function captureOf({ numbered, named }: Captures, reference: string): string | undefined {
  if (/^\d+$/.test(reference)) return numbered[Number(reference) - 1];
  return Object.hasOwn(named, reference) ? named[reference] : undefined;
}

function describeGroups(captures: Captures): string {
  const names = Object.keys(captures.named);
  const named = names.length > 0 ? `, named ${names.join(', ')}` : '';
  return `${captures.numbered.length} capture group${captures.numbered.length === 1 ? '' : 's'}${named}`;
}
