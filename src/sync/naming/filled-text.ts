import { fixSpec, type SyncError } from '../../errors.ts';
import { nearestName } from '../../schema.ts';
import { compileTemplateText, type TemplateText } from '../transform/template/template.ts';
import { fillCaptures } from './captures.ts';
import { dotFields, dotOf, type NamingParts, syncFields } from './parts.ts';
import { type References, referencesOf } from './references.ts';

/** A text whose captures and templates are filled in. */
export interface FilledText {
  readonly needsRead: boolean;
  readonly needsKey: boolean;
  /** @throws SyncError `FixSpec` */
  expand(parts: NamingParts): { readonly text: string; readonly derived: boolean };
}

interface TextOptions {
  /** Begins the complaints. */
  readonly where: string;
  /** What is missing is a mistake, instead of empty. */
  readonly strict: boolean;
  /** Whether there is a key to speak of. */
  readonly perKey: boolean;
}

/**
 * Compiles a text with `{{ … }}`, and `$1` outside of them, in it. Nothing that is filled in is looked at again.
 * @throws SyncError `FixSpec` for a template that cannot be compiled, or that speaks of what there never is
 */
export function compileFilledText(text: string, options: TextOptions): FilledText {
  const { where } = options;
  if (!text.includes('{{')) {
    const expand = ({ selector, captures }: NamingParts) => fillCaptures(text, { selector, captures, where });
    return { needsRead: false, needsKey: false, expand };
  }
  const compiled = compileTemplateText(text, where);
  const references = referencesOf(compiled.template);
  checkFields(references, { compiled, options });
  const speaksOf = (field: string) => references.whole || references.fields.some(({ path }) => path[0] === field);
  const needsRead = speaksOf('metadata') || speaksOf('keys');
  return {
    needsRead,
    needsKey: speaksOf('key'),
    expand(parts) {
      if (needsRead && (parts.metadata === null || parts.keys === null)) {
        throw new Error('a text that speaks of metadata or keys was asked for before Vault was read');
      }
      return render(compiled, { ...options, references, parts });
    },
  };
}

function render(
  compiled: TemplateText,
  options: TextOptions & { readonly references: References; readonly parts: NamingParts },
): { text: string; derived: boolean } {
  const { references, parts, where, strict } = options;
  const { selector, captures } = parts;
  let derived = references.whole || references.fields.length > 0;
  let missing: string | null = null;
  const dot = dotOf(parts, (path) => {
    missing = path;
  });
  // Each once: a template may come by the same text a million times, and pays only for what is written.
  const filledTexts = new Map<string, string>();
  const text = compiled.render(dot, {
    fill(literal) {
      const known = filledTexts.get(literal);
      if (known !== undefined) return known;
      const filled = fillCaptures(literal, { selector, captures, where });
      filledTexts.set(literal, filled.text);
      derived ||= filled.derived;
      return filled.text;
    },
    noValue() {
      if (strict) throw incomplete(where, missing, parts);
      return '';
    },
  });
  // What functions that print make of nothing; no name of any store has it.
  if (strict && missing !== null && /<nil>|no[ +]value/.test(text)) throw incomplete(where, missing, parts);
  return { text, derived };
}

/** @throws SyncError `FixSpec` for a field that no secret will ever have */
function checkFields(
  { fields }: References,
  { compiled, options }: { readonly compiled: TemplateText; readonly options: TextOptions },
): void {
  for (const { path, offset } of fields) {
    const [field = '', inner] = path;
    if (!dotFields.includes(field)) throw compiled.complain(noField(field, '.', dotFields), offset);
    if (field === 'sync' && inner !== undefined && !syncFields.includes(inner)) {
      throw compiled.complain(noField(inner, '.sync.', syncFields), offset);
    }
    if (field === 'key' && !options.perKey) {
      throw compiled.complain(
        'there is no .key where one copy is made of a whole secret: set granularity: key, or leave .key out',
        offset,
      );
    }
  }
}

function noField(field: string, before: string, known: readonly string[]): string {
  const nearest = nearestName(field, known);
  const hint =
    nearest === null ? `there are ${known.map((one) => before + one).join(' ')}` : `did you mean ${before}${nearest}?`;
  return `there is no ${before}${field} in names and tags; ${hint}`;
}

function incomplete(where: string, missing: string | null, parts: NamingParts): SyncError {
  const asked = missing === null ? 'something' : missing;
  const key = asked.slice(asked.indexOf('.', 1) + 1);
  const remedy = asked.startsWith('.metadata.')
    ? `add ${JSON.stringify(key)} to its custom metadata in Vault, or `
    : '';
  return fixSpec(
    'NameIncomplete',
    `${where} asks for ${asked} that the secret ${showPath(parts)} does not have: ` +
      `${remedy}say what stands for it, as in {{ … | default "none" }}`,
  );
}

/** A secret, for complaints: with its mount, and not longer than anybody reads. */
export function showPath({ mount, name }: NamingParts): string {
  return cut(`${mount}/${name}`);
}

/** A text for complaints. */
export function show(text: string): string {
  return `"${cut(text)}"`;
}

function cut(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

/** Characters of a text that are shown in a complaint. */
const longestShown = 256;
