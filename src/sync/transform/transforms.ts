import type { JsonObject } from '../../vault/json.ts';
import { compileKeyTransform, type KeyTransforms } from './keys.ts';
import { compileTemplate } from './template/template.ts';

interface Transforms extends KeyTransforms {
  readonly template?: string | undefined;
}

/** `spec.transforms`, compiled: first the keys are chosen, then the template, where there is one, makes the value of them. */
export interface CompiledTransforms {
  /** @throws SyncError `FixSpec` where keys meet */
  readonly chooseKeys: (data: JsonObject) => JsonObject;
  /** @throws SyncError `FixSpec` where the template fails */
  readonly template: ((keys: JsonObject) => string) | null;
}

/** Compiles `spec.transforms`. @throws SyncError `FixSpec` for patterns and templates that cannot be compiled */
export function compileTransforms(transforms: Transforms | undefined): CompiledTransforms {
  if (!transforms) return { chooseKeys: (data) => data, template: null };
  return {
    chooseKeys: compileKeyTransform(transforms),
    // As for the ancestor, an empty template is none.
    template: transforms.template ? compileTemplate(transforms.template) : null,
  };
}
