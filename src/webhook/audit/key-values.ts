type JsonObject = Readonly<Record<string, unknown>>;

/** An audit entry needs five layers; what stands deeper is left out. */
const maxDepth = 8;

const typeNames = new Set([
  ...['stringValue', 'boolValue', 'intValue', 'doubleValue'],
  ...['arrayValue', 'kvlistValue', 'bytesValue'],
]);

/**
 * The object that a list of OTLP's key-value pairs stands for: an OpenTelemetry collector that has parsed an audit line
 * sends it so. Null for a list of anything else.
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function objectOfPairs(list: readonly unknown[], depth = 0): JsonObject | null {
  if (list.length === 0 || !list.every(isPair)) return null;
  if (depth > maxDepth) return {};
  return Object.fromEntries(list.map(({ key, value }) => [key, plainOf(value, depth + 1)]));
}

/** Others write lists of keys and values as well, Kafka's senders for one, but none of such values. */
function isPair(item: unknown): item is { readonly key: string; readonly value: JsonObject } {
  if (!isObject(item) || typeof item['key'] !== 'string' || !isObject(item['value'])) return false;
  return Object.keys(item['value']).every((name) => typeNames.has(name));
}

/** Names its type: `{"stringValue":"a"}`, `{"intValue":"7"}`, `{"kvlistValue":{"values":[…]}}`. */
function plainOf(value: JsonObject, depth: number): unknown {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue } = value;
  if (isObject(kvlistValue)) {
    const pairs = kvlistValue['values'];
    return Array.isArray(pairs) ? (objectOfPairs(pairs, depth) ?? {}) : {};
  }
  if (isObject(arrayValue)) {
    const items = depth > maxDepth ? null : arrayValue['values'];
    return Array.isArray(items) ? items.map((item) => (isObject(item) ? plainOf(item, depth + 1) : null)) : [];
  }
  // 64-bit numbers are strings in JSON.
  if (intValue !== undefined) return Number(intValue);
  return stringValue ?? boolValue ?? doubleValue ?? null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
