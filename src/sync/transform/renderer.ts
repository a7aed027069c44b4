import type { JsonObject } from '../../vault/json.ts';
import { renderValue } from '../render.ts';
import { compileKeyTransform, type KeyTransforms } from './keys.ts';
import { compileTemplate } from './template/template.ts';

export interface Transforms extends KeyTransforms {
  readonly template?: string | undefined;
}

/** Makes the value of a copy of what Vault says. @throws SyncError `FixSpec` where keys meet or the template fails */
export type RenderValue = (data: JsonObject) => string;

/**
 * Compiles `spec.transforms`: first the keys, then the template. Without a template a value is JSON.
 * @throws SyncError `FixSpec` for patterns and templates that cannot be compiled
 */
export function compileRenderer(transforms: Transforms | undefined): RenderValue {
  if (!transforms) return renderValue;
  const chooseKeys = compileKeyTransform(transforms);
  // As for the ancestor, an empty template is none.
  const render = transforms.template ? compileTemplate(transforms.template) : renderValue;
  return (data) => render(chooseKeys(data));
}
