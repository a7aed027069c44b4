import type { JsonObject } from '../../../vault/json.ts';
import { Rendering } from './evaluate.ts';
import { asSyncError, Fault } from './fault.ts';
import { signatures } from './functions/all.ts';
import { limits } from './limits.ts';
import type { Template } from './nodes.ts';
import { parse } from './parse.ts';
import { spaceBefore, trimSpace } from './space.ts';
import { fromJson } from './values.ts';

/** Renders the keys of one secret. @throws SyncError `FixSpec` with line and column, and without any value */
export type RenderTemplate = (data: JsonObject) => string;

/**
 * Compiles a template in the part of Go's `text/template` that `docs/reference/templates.md` describes. Space around the
 * whole text is not part of it.
 * @throws SyncError `FixSpec` with line and column
 */
export function compileTemplate(source: string): RenderTemplate {
  const text = source.toWellFormed();
  const start = spaceBefore(text);
  const trimmed = trimSpace(text);
  const template = compile({ trimmed, text, start });
  return (data) => {
    const rendering = new Rendering(template);
    try {
      return rendering.render(fromJson(data));
    } catch (error) {
      throw asSyncError(asFault(error), { text, offset: start + rendering.at, reason: 'TemplateFailed' });
    }
  };
}

function compile({ trimmed, text, start }: { trimmed: string; text: string; start: number }): Template {
  try {
    if (trimmed.length > limits.templateLength) {
      throw new Fault(`the template has ${trimmed.length} characters; at most ${limits.templateLength} are allowed`);
    }
    return parse(trimmed, signatures);
  } catch (error) {
    const fault = asFault(error);
    throw asSyncError(fault, { text, offset: start + (fault.offset ?? 0), reason: 'TemplateInvalid' });
  }
}

/** @throws whatever is no fault: a defect of ours */
function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  // The limits of depth should come first; should the stack be smaller than thought, it is the same complaint.
  if (error instanceof RangeError && /call stack/.test(error.message))
    return new Fault('the template is nested too deep');
  throw error;
}
