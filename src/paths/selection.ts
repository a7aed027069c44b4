import { fixSpec } from '../errors.ts';
import type { Captures } from './patterns.ts';
import { matchName, parseSelector, type Selector, takesName } from './selector.ts';

/** Instructions of all compiled patterns of one sync: what they may cost together, in memory and for each name. */
const maxPrograms = 20_000;

/** Which secrets a sync selects by their paths: what any of its selectors takes and none of the excluded ones. */
export interface Selection {
  /** In the order of the manifest; never empty. */
  readonly selectors: readonly Selector[];
  readonly excluded: readonly Selector[];
}

/** What a selection makes of one secret. */
export interface Selected {
  /** The first selector that takes it. */
  readonly selector: Selector;
  readonly captures: Captures;
}

/**
 * Reads the words of `spec.source` that are about paths.
 * @throws SyncError `FixSpec` for what is no path, glob or pattern, for an exclusion in a mount that nothing is selected
 *   in, and for patterns that are too large together
 */
export function parseSelection(source: {
  readonly mount?: string | undefined;
  readonly path?: string | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}): Selection {
  const { mount, path, paths = [], exclude = [] } = source;
  const parse = (field: string) => (one: string, index: number) =>
    parseSelector({ mount, path: one, field: `source.${field}[${index}]` });
  const selectors = [...(path === undefined ? [] : [parseSelector({ mount, path })]), ...paths.map(parse('paths'))];
  const excluded = exclude.map(parse('exclude'));
  const mounts = new Set(selectors.map((selector) => selector.mount));
  for (const [index, selector] of excluded.entries()) {
    if (!mounts.has(selector.mount)) throw excludesNothing(`source.exclude[${index}]`, exclude[index] ?? '', mounts);
  }
  const size = [...selectors, ...excluded].reduce(
    (sum, one) => sum + (one.kind === 'pattern' ? one.pattern.size : 0),
    0,
  );
  if (size > maxPrograms) {
    throw fixSpec(
      'SelectionTooLarge',
      `the globs and patterns of source.paths and source.exclude are too large together (${size} instructions when ` +
        `compiled; at most ${maxPrograms}): use fewer, shorter ones or smaller repeats, or several VaultSecretSyncs`,
    );
  }
  return { selectors, excluded };
}

function excludesNothing(field: string, path: string, mounts: ReadonlySet<string>) {
  const [mount = ''] = mounts;
  return fixSpec(
    'ExcludesNothing',
    `${field} "${path}" lies in a mount that source selects nothing in: begin it with the mount, e.g. ${mount}/${path}, ` +
      'or take it out',
  );
}

/** What a selection captures from a secret of a mount; null when it does not select it. Pure. */
export function selectSecret(selection: Selection, mount: string, name: string): Selected | null {
  for (const selector of selection.selectors) {
    if (selector.mount !== mount) continue;
    const captures = matchName(selector, name);
    if (captures) return isExcluded(selection, mount, name) ? null : { selector, captures };
  }
  return null;
}

/** Whether a selection leaves a secret of a mount out that its selectors take. Pure. */
export function isExcluded({ excluded }: Selection, mount: string, name: string): boolean {
  return excluded.some((selector) => selector.mount === mount && takesName(selector, name));
}
