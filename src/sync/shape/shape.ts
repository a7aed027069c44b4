import { fixSpec, type SyncError } from '../../errors.ts';
import { nearestName } from '../../schema.ts';
import type { JsonObject } from '../../vault/json.ts';
import { renderDotenv } from './dotenv.ts';
import { keyValue, renderJson } from './json.ts';
import { renderYaml } from './yaml.ts';

export { keyValue } from './json.ts';

/** How a destination asks for its value. */
export interface ShapeFields {
  readonly format?: 'json' | 'dotenv' | 'yaml' | 'raw' | undefined;
  /** With `raw`: the key whose value it is. */
  readonly property?: string | undefined;
}

/** Makes the value of a copy of the keys of a secret. Pure. @throws SyncError `FixSpec` where they cannot take the shape */
export function compileShape({ format = 'json', property }: ShapeFields): (data: JsonObject) => string {
  switch (format) {
    case 'json':
      return renderJson;
    case 'dotenv':
      return renderDotenv;
    case 'yaml':
      return renderYaml;
    case 'raw':
      if (property === undefined) {
        throw fixSpec('PropertyMissing', 'format: raw copies the value of one key: name it in property');
      }
      return (data) => rawValue(data, property);
    default: {
      const never: never = format;
      throw new Error(`a format of an unknown kind passed validation: ${String(never)}`);
    }
  }
}

/**
 * As with a template that fails, an edit of the manifest or a change of the secret cures it: the copy rests until then.
 * @throws SyncError `FixSpec`
 */
function rawValue(data: JsonObject, property: string): string {
  const value = Object.hasOwn(data, property) ? data[property] : undefined;
  if (value === undefined) throw propertyMissing(property, Object.keys(data));
  return keyValue(value);
}

function propertyMissing(property: string, keys: readonly string[]): SyncError {
  const nearest = nearestName(property, keys);
  const hint = nearest === null ? '' : ` (did you mean ${JSON.stringify(nearest)}?)`;
  return fixSpec(
    'PropertyMissing',
    `property is ${JSON.stringify(property)}, and the secret has no such key after transforms${hint}: ` +
      'correct property, or add the key to the secret in Vault',
  );
}
