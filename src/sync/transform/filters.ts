import { compileSearch } from './search-pattern.ts';

/** Entries that decide by path which of the selected secrets are copied. */
export interface FilterLists {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

export interface Filters {
  /** RE2 patterns that may match anywhere in the path. */
  readonly regex?: FilterLists | undefined;
  /** Whole paths, compared letter by letter. */
  readonly path?: FilterLists | undefined;
}

/** Whether a secret passes, by its path with its mount and without `data/`, e.g. `secret/app/db`. */
export type PathFilter = (path: string) => boolean;

/**
 * Compiles `spec.filters`. The patterns decide first, then the paths, and a secret must pass both. In each of the two an
 * entry of `exclude` that hits drops the secret; where `include` has entries, one of them must hit.
 * @throws SyncError `FixSpec` for a pattern that is not RE2 or is beyond the limits
 */
export function compileFilters(filters: Filters | undefined): PathFilter {
  const byPattern = compileLists(filters?.regex, (entry, where) => {
    const pattern = compileSearch(entry, `filters.regex.${where}`);
    return (path) => pattern.test(path);
  });
  const byPath = compileLists(filters?.path, (entry) => (path) => path === entry);
  return (path) => byPattern(path) && byPath(path);
}

function compileLists(
  lists: FilterLists | undefined,
  compile: (entry: string, where: string) => (path: string) => boolean,
): PathFilter {
  const compileList = (list: 'include' | 'exclude') =>
    (lists?.[list] ?? []).map((entry, index) => compile(entry, `${list}[${index}]`));
  const include = compileList('include');
  const exclude = compileList('exclude');
  return (path) => {
    if (exclude.some((hits) => hits(path))) return false;
    return include.length === 0 || include.some((hits) => hits(path));
  };
}
