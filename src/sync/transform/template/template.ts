import type { SyncError } from '../../../errors.ts';
import type { JsonObject } from '../../../vault/json.ts';
import { Rendering, type Ways } from './evaluate.ts';
import { asSyncError, Fault } from './fault.ts';
import { signatures } from './functions/all.ts';
import { limits } from './limits.ts';
import type { Template } from './nodes.ts';
import { parse } from './parse.ts';
import { spaceBefore, trimSpace } from './space.ts';
import { fromJson, type Item } from './values.ts';

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
  const place = { where: 'transforms.template', text, start };
  const template = compile(trimSpace(text), place);
  return (data) => render(new Rendering(template), () => fromJson(data), place);
}

/** A text that has templates in it and is not the value of a copy: a name, a tag. */
export interface TemplateText {
  readonly template: Template;
  /** @throws SyncError `FixSpec` with line and column, and without any value */
  render(dot: Item, ways: Ways): string;
  /** A complaint about what stands at an offset of the text. */
  complain(message: string, offset: number): SyncError;
}

/**
 * Compiles a text with templates in it, all of which belongs to it. `where` begins the complaints.
 * @throws SyncError `FixSpec` with line and column
 */
export function compileTemplateText(source: string, where: string): TemplateText {
  const text = source.toWellFormed();
  const place = { where, text, start: 0 };
  const template = compile(text, place);
  return {
    template,
    render: (dot, ways) => render(new Rendering(template, ways), () => dot, place),
    complain: (message, offset) => asSyncError(new Fault(message), { where, text, offset, reason: 'TemplateInvalid' }),
  };
}

/** Where a template comes from: `start` is its offset in a text. */
interface Origin {
  readonly where: string;
  readonly text: string;
  readonly start: number;
}

function compile(template: string, { where, text, start }: Origin): Template {
  try {
    if (template.length > limits.templateLength) {
      throw new Fault(`the template has ${template.length} characters; at most ${limits.templateLength} are allowed`);
    }
    return parse(template, signatures);
  } catch (error) {
    const fault = asFault(error);
    throw asSyncError(fault, { where, text, offset: start + (fault.offset ?? 0), reason: 'TemplateInvalid' });
  }
}

function render(rendering: Rendering, dot: () => Item, { where, text, start }: Origin): string {
  try {
    return rendering.render(dot());
  } catch (error) {
    throw asSyncError(asFault(error), { where, text, offset: start + rendering.at, reason: 'TemplateFailed' });
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
