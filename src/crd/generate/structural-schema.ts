import type { TSchema } from '../../schema.ts';

/** A schema as the API server takes it: what `apiextensions.k8s.io/v1` calls structural. */
export type StructuralSchema = { readonly [keyword: string]: unknown };

/**
 * Turns a schema of ours into what the API server takes. It prunes unknown fields by itself (and reports them under strict
 * field validation), so `additionalProperties: false` goes; it fills in defaults before it looks for what is required, but
 * whoever reads the schema should see that a field with a default may be left out; and it has CEL where we have functions.
 */
export function structuralSchema(schema: TSchema): StructuralSchema {
  return structural(schema as unknown as StructuralSchema);
}

function structural(schema: StructuralSchema): StructuralSchema {
  const { properties, items, required, additionalProperties, 'x-kubernetes-validations': rules, ...rest } = schema;
  const fields = isSchema(properties) ? properties : {};
  const mustBeGiven = namesIn(required).filter((name) => !Object.hasOwn(asSchema(fields[name]), 'default'));
  return {
    ...rest,
    ...(Array.isArray(rules) ? { 'x-kubernetes-validations': rules.map(asCel) } : {}),
    ...(mustBeGiven.length > 0 ? { required: mustBeGiven } : {}),
    ...(isSchema(properties) ? { properties: eachStructural(properties) } : {}),
    ...(isSchema(items) ? { items: structural(items) } : {}),
    ...(isSchema(additionalProperties) ? { additionalProperties: structural(additionalProperties) } : {}),
  };
}

function eachStructural(properties: StructuralSchema): StructuralSchema {
  return Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, structural(asSchema(child))]));
}

function asCel({ rule, message }: StructuralSchema): StructuralSchema {
  return { rule, message };
}

function namesIn(required: unknown): string[] {
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}

function isSchema(value: unknown): value is StructuralSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asSchema(value: unknown): StructuralSchema {
  if (!isSchema(value)) throw new TypeError('a property without a schema');
  return value;
}
