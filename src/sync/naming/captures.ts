import { fixSpec } from '../../errors.ts';
import type { Captures } from '../../paths/patterns.ts';
import type { Selector } from '../../paths/selector.ts';

type PatternSelector = Extract<Selector, { kind: 'pattern' }>;

const reference = /\$(?:(\d+)|\{(\w+)\})/g;

/** Whether a text has `$1`, `${1}` or `${name}` in it. */
export function refersToCaptures(text: string): boolean {
  return text.search(reference) >= 0;
}

/**
 * Replaces `$1`, `${1}` and `${name}` by what the path captured; where a path is written out there is nothing to capture
 * and a `$` is a `$`. What was captured is never looked at again. `where` begins the complaint. Pure.
 * @throws SyncError `FixSpec` for a capture that the glob or pattern does not have
 */
export function fillCaptures(
  text: string,
  options: { readonly selector: Selector; readonly captures: Captures; readonly where: string },
): { readonly text: string; readonly derived: boolean } {
  const { selector, captures, where } = options;
  if (selector.kind === 'literal' || !refersToCaptures(text)) return { text, derived: false };
  const filled = text.replace(reference, (whole, digits?: string, braced?: string) => {
    const captured = captureOf(captures, digits ?? braced ?? '');
    if (captured !== undefined) return captured;
    throw fixSpec(
      'CaptureUnknown',
      `${where} uses ${whole}, but ${describe(selector, captures)}; a $ that is meant as itself is written {{ "$" }}`,
    );
  });
  return { text: filled, derived: true };
}

function captureOf({ numbered, named }: Captures, wanted: string): string | undefined {
  if (/^\d+$/.test(wanted)) return numbered[Number(wanted) - 1];
  return Object.hasOwn(named, wanted) ? named[wanted] : undefined;
}

function describe(selector: PatternSelector, { numbered, named }: Captures): string {
  const many = numbered.length === 1 ? '' : 's';
  if (selector.glob !== null) return `the glob "${selector.glob}" has ${numbered.length} wildcard${many}`;
  const names = Object.keys(named);
  const byName = names.length > 0 ? `, named ${names.join(', ')}` : '';
  return `the pattern "${selector.text}" has ${numbered.length} capture group${many}${byName}`;
}
