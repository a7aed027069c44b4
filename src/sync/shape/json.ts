import { isRawNumber, type JsonObject, type JsonValue } from '../../vault/json.ts';

/** A value as JSON text with sorted keys; numbers keep every digit. */
export function renderJson(value: JsonValue): string {
  return JSON.stringify(sortKeys(value));
}

/** A value with its keys in order, those of every object within it too. */
export function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return value;
  // An object without a prototype: a key such as `__proto__` is a key like any other.
  const sorted = Object.create(null) as JsonObject;
  for (const key of Object.keys(value).sort()) sorted[key] = sortKeys(value[key] ?? null);
  return sorted;
}

/** The value of one key as text: a string as it is, everything else as JSON. */
export function keyValue(value: JsonValue): string {
  return typeof value === 'string' ? value : renderJson(value);
}
