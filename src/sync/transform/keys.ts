import { fixSpec } from '../../errors.ts';
import type { JsonObject } from '../../vault/json.ts';
import { compileKeyTest } from './search-pattern.ts';

/** The part of `spec.transforms` that chooses and renames keys. */
export interface KeyTransforms {
  readonly exclude?: readonly string[] | undefined;
  /** Present and empty, it drops every key. */
  readonly include?: readonly string[] | undefined;
  readonly rename?: readonly { readonly from: string; readonly to: string }[] | undefined;
}

/** Chooses and renames the keys of one secret; values are passed on as they are. @throws SyncError `FixSpec` */
export type KeyTransform = (data: JsonObject) => JsonObject;

/**
 * Compiles `exclude`, `include` and `rename`, which work in this order: the first two see the names that Vault has.
 * Of several renames of one key the last one counts.
 * @throws SyncError `FixSpec` for a pattern that is not RE2 or is beyond the limits
 */
export function compileKeyTransform(transforms: KeyTransforms): KeyTransform {
  const exclude = compileTests(transforms.exclude ?? [], 'exclude');
  const include = transforms.include && compileTests(transforms.include, 'include');
  const renames = new Map((transforms.rename ?? []).map(({ from, to }) => [from, to]));
  return (data) => {
    // An object without a prototype: a key such as `__proto__` is a key like any other.
    const chosen = Object.create(null) as JsonObject;
    const origins = new Map<string, string>();
    for (const [key, value] of Object.entries(data)) {
      if (exclude.some((hits) => hits(key))) continue;
      if (include && !include.some((hits) => hits(key))) continue;
      const name = renames.get(key) ?? key;
      const origin = origins.get(name);
      if (origin !== undefined) throw keysMeet([origin, key], name);
      origins.set(name, key);
      chosen[name] = value;
    }
    return chosen;
  };
}

function compileTests(entries: readonly string[], list: string): ((key: string) => boolean)[] {
  return entries.map((entry, index) => compileKeyTest(entry, `transforms.${list}[${index}]`));
}

function keysMeet(keys: readonly [string, string], name: string) {
  const [one, other] = keys.toSorted();
  return fixSpec(
    'KeysMeet',
    `after transforms.rename the keys "${one}" and "${other}" of the secret would both be called "${name}": ` +
      'rename one of them to something else, or leave it out with transforms.exclude',
  );
}
