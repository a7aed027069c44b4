import { createCheck, type Problem } from '../schema.ts';
import { Manifest } from './vault-secret-sync.ts';

/** A manifest with its defaults filled in, or everything that is wrong with it. */
export type ParsedManifest = { readonly sync: Manifest } | { readonly problems: readonly [Problem, ...Problem[]] };

const checkManifest = createCheck(Manifest);

/**
 * Judges one document of a manifest file as the API server would judge it with strict field validation: the same rules,
 * with the same sentences, and for unknown fields the nearest name that is known.
 */
export function parseManifest(yamlDocument: unknown): ParsedManifest {
  const checked = checkManifest(withoutNulls(yamlDocument));
  return 'value' in checked ? { sync: checked.value } : { problems: checked.problems };
}

/** The API server takes a field that is null for one that is missing; `dest:` with nothing behind it is null in YAML. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, withoutNulls(child)]),
  );
}
