/** What Kubernetes' structural schemas may not hold, and what a bounded one must: one line per fault, with its place. */
export function lintSchema(schema: unknown, place = ''): string[] {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [`${place}: no schema`];
  const node = schema as Record<string, unknown>;
  const { type, properties, items, additionalProperties } = node;
  const foreign = Object.keys(node).filter((keyword) => !allowed.has(keyword) && !keyword.startsWith('x-kubernetes-'));
  const faults = [
    ...foreign.map((keyword) => `${place}: ${keyword} has no place in a structural schema`),
    ...(typeof type === 'string' || node['x-kubernetes-int-or-string'] ? [] : [`${place}: has no type`]),
    ...(properties && additionalProperties !== undefined ? [`${place}: properties and additionalProperties`] : []),
    ...(type === 'array' && !items ? [`${place}: a list without items`] : []),
    ...(limitOf(node) ? [] : [`${place}: has no upper limit, so the cost of a rule on it has none`]),
    ...overlaps(node).map((name) => `${place}.${name}: has a default and is required`),
  ];
  const children = Object.entries(properties ?? {}).map(([name, child]) => lintSchema(child, `${place}.${name}`));
  const elements = items === undefined ? [] : lintSchema(items, `${place}[]`);
  const values = additionalProperties === undefined ? [] : lintSchema(additionalProperties, `${place}.*`);
  return [...faults, ...children.flat(), ...elements, ...values];
}

const allowed = new Set(
  'type properties items additionalProperties required description default enum format minimum maximum minLength maxLength minItems maxItems minProperties maxProperties'.split(
    ' ',
  ),
);

function limitOf({ type, enum: words, format, maxLength, maxItems, maxProperties, ...node }: Record<string, unknown>) {
  if (type === 'string') return words !== undefined || format !== undefined || maxLength !== undefined;
  if (type === 'array') return maxItems !== undefined;
  return node['additionalProperties'] === undefined || maxProperties !== undefined;
}

function overlaps({ required, properties }: Record<string, unknown>): string[] {
  const fields = Object.entries((properties ?? {}) as Record<string, object>);
  const names = Array.isArray(required) ? required : [];
  return fields.filter(([name, field]) => names.includes(name) && 'default' in field).map(([name]) => name);
}
