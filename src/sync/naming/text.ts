import { fixSpec } from '../../errors.ts';
import { refersToCaptures } from './captures.ts';
import { compileFilledText, type FilledText, show, showPath } from './filled-text.ts';
import type { NamingParts } from './parts.ts';

export type { NamingParts } from './parts.ts';

/** A name, tag, label or description whose parts are filled in for each copy. */
export interface CompiledText {
  /** Whether Vault must be read before the text is known: it speaks of metadata or of keys, or may do so. */
  readonly needsRead: boolean;
  /** Whether it differs, or may differ, between the copies of single keys of one secret. */
  readonly needsKey: boolean;
  /**
   * The text, and whether any of it came from the path, the keys or the metadata: only then may a store change
   * characters that it lacks. Pure.
   * @throws SyncError `FixSpec`
   */
  expand(parts: NamingParts): { readonly text: string; readonly derived: boolean };
}

/** Characters of a name that was made; every store allows fewer. */
const longestName = 1_024;

/**
 * Compiles the value of a tag, label or annotation, or a description. What is missing in it is empty. `where` begins the
 * complaints, e.g. `dest.aws.tags.team`; `most` is what it may have of characters.
 * @throws SyncError `FixSpec` for a template that cannot be compiled
 */
export function compileText(
  text: string,
  options: { readonly where: string; readonly most: number; readonly granularity: 'secret' | 'key' },
): CompiledText {
  const where = `${options.where} ${show(text)}`;
  const filled = compileFilledText(text, { where, strict: false, perKey: options.granularity === 'key' });
  return {
    ...filled,
    expand(parts) {
      const expanded = filled.expand(parts);
      checkLength(expanded.text, { where, most: options.most, parts });
      return expanded;
    },
  };
}

/**
 * Compiles the name that a destination asks for. `template` is what the manifest says, if anything:
 * - nothing: the secret's own name
 * - for a path that is written out, and with `{{ … }}`: the text with its parts filled in
 * - for a pattern with groups, or a glob that the text refers to: likewise
 * - for any other pattern or glob: the text, then what follows the folders before its first operator or wildcard (the
 *   ancestor's rule): all that it selects would get one name otherwise
 *
 * With granularity `key`, `/<key>` follows unless the template speaks of the key itself.
 * @throws SyncError `FixSpec` for a template that cannot be compiled
 */
export function compileName(
  template: string | undefined,
  { granularity }: { readonly granularity: 'secret' | 'key' },
): CompiledText {
  const perKey = granularity === 'key';
  const where = template === undefined ? 'the name' : `the name ${show(template)}`;
  const base = template === undefined ? ownName : compileWrittenName(template, { where, perKey });
  const appendsKey = perKey && !base.needsKey;
  return {
    needsRead: base.needsRead,
    needsKey: perKey,
    expand(parts) {
      if (perKey && parts.key === null) throw new Error('the name of a copy of a key was asked for without the key');
      const { text, derived } = base.expand(parts);
      const expanded = appendsKey
        ? { text: `${text.replace(/\/+$/, '')}/${parts.key}`, derived: true }
        : { text, derived };
      if (expanded.text === '') {
        throw fixSpec(
          'NameIncomplete',
          `${where} is empty for the secret ${showPath(parts)}: make it of something more`,
        );
      }
      checkLength(expanded.text, { where, most: longestName, parts });
      return expanded;
    },
  };
}

const ownName: FilledText = {
  needsRead: false,
  needsKey: false,
  expand: ({ name }) => ({ text: name, derived: true }),
};

function compileWrittenName(
  template: string,
  { where, perKey }: { readonly where: string; readonly perKey: boolean },
): FilledText {
  const filled = compileFilledText(template, { where, strict: true, perKey });
  if (template.includes('{{')) return filled;
  const refers = refersToCaptures(template);
  return {
    ...filled,
    expand(parts) {
      const { selector, captures, name } = parts;
      if (selector.kind === 'literal') return filled.expand(parts);
      const tellsApart = selector.glob === null ? captures.numbered.length > 0 : refers;
      if (tellsApart) return filled.expand(parts);
      return { text: `${template.replace(/\/+$/, '')}/${name.slice(selector.base)}`, derived: true };
    },
  };
}

function checkLength(
  text: string,
  { where, most, parts }: { readonly where: string; readonly most: number; readonly parts: NamingParts },
): void {
  if (text.length <= most) return;
  const problem = `becomes ${text.length} characters for the secret ${showPath(parts)}, and at most ${most} are allowed`;
  throw fixSpec('TextTooLong', `${where} ${problem}: shorten it, e.g. with trunc in a template`);
}
