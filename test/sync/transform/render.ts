import { SyncError } from '../../../src/errors.ts';
import { compileTemplate } from '../../../src/sync/transform/template/template.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';

/** Compiles a template and renders it over the keys of a JSON object. */
export function render(template: string, json = '{}'): string {
  return compileTemplate(template)(parseExactly(json) as JsonObject);
}

/** Why a template is refused; begins with `rendered` when it is not. */
export function complaintOf(template: string, json = '{}'): string {
  try {
    return `rendered: ${render(template, json)}`;
  } catch (error) {
    if (error instanceof SyncError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}
