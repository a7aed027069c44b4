import type { StructuralSchema } from './structural-schema.ts';

/** A heading and what follows it: the fields of one object. */
export interface Section {
  /** E.g. `spec.dest[].aws`. */
  readonly path: string;
  readonly text: string;
}

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
}

/** One section with a table for the object at `path` and for each object below it, in the schema's own order. */
export function describeFields(schema: StructuralSchema, path: string): Section[] {
  return sectionsOf(schema as Schema, path);
}

function sectionsOf(schema: Schema, path: string): Section[] {
  const fields = Object.entries(schema.properties ?? {});
  const rows = fields.map(([name, field]) => rowOf(name, field, isRequired(schema, name)));
  const header = ['| field | type | default | what it says |', '|---|---|---|---|'];
  // The rules of an object stand in the section of that object.
  const rules = [
    ...rulesOf(schema),
    ...fields.flatMap(([name, field]) => (field.properties ? [] : rulesOf(field, name))),
  ];
  const lines = [
    ...(schema.description ? [schema.description, ''] : []),
    ...header,
    ...rows,
    ...(rules.length > 0 ? ['', 'Rules, in the words of the error:', '', ...rules.map((rule) => `- ${rule}`)] : []),
  ];
  const below = fields.flatMap(([name, field]) => {
    if (field.properties) return sectionsOf(field, `${path}.${name}`);
    return field.items?.properties ? sectionsOf(field.items, `${path}.${name}[]`) : [];
  });
  return [{ path, text: lines.join('\n') }, ...below];
}

function isRequired(schema: Schema, name: string): boolean {
  return schema.required?.includes(name) ?? false;
}

function rowOf(name: string, field: Schema, required: boolean): string {
  const byDefault = field.default === undefined ? (required ? 'required' : '') : `\`${String(field.default)}\``;
  const limits = limitsOf(field);
  const description = [field.description ?? '', limits === '' ? '' : `(${limits})`]
    .filter((part) => part !== '')
    .join(' ');
  return `| \`${name}\` | ${typeOf(field)} | ${byDefault} | ${description.replaceAll('|', '\\|')} |`;
}

function typeOf(field: Schema): string {
  if (field.enum) return field.enum.map((word) => `\`${word}\``).join(', ');
  if (field.items) return `list of ${typeOf(field.items)}`;
  if (field.additionalProperties) return `map of ${typeOf(field.additionalProperties)}`;
  if (field['x-kubernetes-int-or-string']) return 'integer or string';
  return field.format === 'date-time' ? 'time' : (field.type ?? 'anything');
}

function limitsOf({ maxLength, minItems, maxItems, maxProperties }: Schema): string {
  const limits = [
    maxLength === undefined ? '' : `at most ${maxLength} characters`,
    maxItems === undefined ? '' : minItems === undefined ? `at most ${maxItems}` : `${minItems} to ${maxItems}`,
    maxProperties === undefined ? '' : `at most ${maxProperties}`,
  ];
  return limits.filter((limit) => limit !== '').join(', ');
}

function rulesOf(schema: Schema, name?: string): string[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  return rules.map(({ message }) => (name === undefined ? message : `\`${name}\`: ${message}`));
}
