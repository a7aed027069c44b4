import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';

/** Extra keywords that a schema of ours may carry: JSON Schema's own and Kubernetes' `x-kubernetes-*`. */
export type Keywords = Record<string, unknown>;

/** One of a closed set of words; emitted as `type: string` with `enum`, which Kubernetes accepts. */
export function StringEnum<const Words extends readonly string[]>(words: Words, keywords: Keywords = {}) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...keywords });
}

/** A map from strings to strings. */
export function StringMap(keywords: Keywords = {}) {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string', ...(keywords['values'] as object | undefined) },
    ...Object.fromEntries(Object.entries(keywords).filter(([key]) => key !== 'values')),
  });
}

/** A rule that a type cannot say, written twice: for the API server and for ourselves. A test shows that both agree. */
export interface CelRule<Self> {
  /** CEL, for the API server. */
  readonly rule: string;
  /** The same for `createCheck`; called only with values that have passed their own part of the schema. */
  readonly holds: (self: Self) => boolean;
  /** What to do when it does not hold. */
  readonly message: string;
}

/** Adds rules to a schema's keywords. */
export function cel<Self>(...rules: CelRule<Self>[]): Keywords {
  return { [rulesKeyword]: rules };
}

/** The rule that a string matches an RE2 pattern that means the same to JavaScript; it holds no quote and no backslash. */
export function matching(pattern: string, message: string): Keywords {
  const expression = new RegExp(pattern, 'u');
  return cel<string>({ rule: `self.matches('${pattern}')`, holds: (self) => expression.test(self), message });
}

const rulesKeyword = 'x-kubernetes-validations';

/** One thing wrong with a value: where, and what to do. */
export interface Problem {
  /** Dotted path, e.g. `spec.dest[0].aws.name`; empty for the whole value. */
  readonly path: string;
  readonly message: string;
}

/** What a check found: the value with the schema's defaults filled in, or everything that is wrong with it. */
export type Checked<T> = { readonly problems: []; readonly value: T } | { readonly problems: [Problem, ...Problem[]] };

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Record<string, JsonSchema>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly [rulesKeyword]?: readonly CelRule<unknown>[];
}

/**
 * Compiles a schema into a check. A field with a default is written as required in the schema (so its type is certain)
 * and may be left out of the value. Unknown fields are reported with the nearest known name, and rules that do not hold
 * with their own message.
 */
export function createCheck<Schema extends TSchema>(schema: Schema): (value: unknown) => Checked<Static<Schema>> {
  const compiled = Compile(schema);
  return (given) => {
    // Unknown fields first: a misspelt name usually causes the "required" complaint after it.
    const unknown = unknownFields(given, schema as JsonSchema, '');
    const value = Value.Default(schema, structuredClone(given));
    const others = compiled.Check(value) ? [] : compiled.Errors(value).flatMap(asProblem);
    const typed = [...unknown, ...others];
    const [first, ...rest] = [...typed, ...brokenRules({ value, schema: schema as JsonSchema, path: '', typed })];
    return first ? { problems: [first, ...rest] } : { problems: [], value: value as Static<Schema> };
  };
}

function asProblem(error: { keyword: string; instancePath: string; message: string; params: unknown }): Problem[] {
  // Unknown fields have been reported already, with better words.
  if (error.keyword === 'additionalProperties' || error.keyword === 'boolean') return [];
  const allowed = (error.params as { allowedValues?: unknown[] }).allowedValues;
  const message = allowed ? `must be one of ${allowed.map((word) => JSON.stringify(word)).join(', ')}` : error.message;
  return [{ path: dotted(error.instancePath), message }];
}

function unknownFields(value: unknown, schema: JsonSchema, path: string): Problem[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, index) => unknownFields(item, items, `${path}[${index}]`)) : [];
  }
  if (typeof value !== 'object' || value === null || !schema.properties) return [];
  const { properties } = schema;
  return Object.entries(value).flatMap(([key, child]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known) return unknownFields(child, known, at);
    if (schema.additionalProperties !== false) return [];
    const nearest = nearestName(key, Object.keys(properties));
    const hint = nearest ? `did you mean "${nearest}"?` : `known here: ${Object.keys(properties).join(', ')}`;
    return [{ path: at, message: `unknown field; ${hint}` }];
  });
}

interface Place {
  readonly value: unknown;
  readonly schema: JsonSchema;
  readonly path: string;
  /** What the types found wrong anywhere. */
  readonly typed: readonly Problem[];
}

/** The rules that do not hold at a place and below it. A rule is not asked about a value whose types are wrong. */
function brokenRules({ value, schema, path, typed }: Place): Problem[] {
  if (value === undefined) return [];
  const askable = !typed.some((problem) => isWithin(problem.path, path));
  const broken = askable ? (schema[rulesKeyword] ?? []).filter(({ holds }) => !holds(value)) : [];
  const here = broken.map(({ message }) => ({ path, message }));
  return [...here, ...childrenOf(value, schema, path).flatMap((child) => brokenRules({ ...child, typed }))];
}

function childrenOf(value: unknown, schema: JsonSchema, path: string): Omit<Place, 'typed'>[] {
  const { items, properties } = schema;
  if (Array.isArray(value)) {
    return items ? value.map((item, index) => ({ value: item, schema: items, path: `${path}[${index}]` })) : [];
  }
  if (typeof value !== 'object' || value === null || !properties) return [];
  const fields: Record<string, unknown> = { ...value };
  return Object.entries(properties).map(([key, child]) => ({
    value: Object.hasOwn(fields, key) ? fields[key] : undefined,
    schema: child,
    path: path === '' ? key : `${path}.${key}`,
  }));
}

function isWithin(path: string, place: string): boolean {
  return place === '' || path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`);
}

function dotted(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`), '');
}

/** The known name nearest to a misspelt one, or null when none is close enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const wanted = name.toLowerCase();
  let best: { name: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (!best || distance < best.distance) best = { name: candidate, distance };
  }
  return best && best.distance <= Math.max(2, Math.floor(wanted.length / 3)) ? best.name : null;
}

/** Insertions, deletions, replacements and swaps of neighbours between two short words. */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const above = rows[i - 1]?.[j] ?? 0;
      const diagonal = rows[i - 1]?.[j - 1] ?? 0;
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      let distance = Math.min(above + 1, (row[j - 1] ?? 0) + 1, diagonal + cost);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) distance = Math.min(distance, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    rows.push(row);
  }
  return rows[left.length]?.[right.length] ?? 0;
}

export type { Static, TSchema } from 'typebox';
export { Type } from 'typebox';
