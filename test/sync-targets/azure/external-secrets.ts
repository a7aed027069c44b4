import type { SecretClient } from '@azure/keyvault-secrets';

/**
 * How External Secrets Operator reads a vault, as its documentation has it (https://external-secrets.io, "Azure Key
 * Vault" and "Extract structured data"), and gjson's path syntax (https://github.com/tidwall/gjson/blob/master/SYNTAX.md)
 * as far as properties of a flat secret need it.
 */
export interface RemoteRef {
  /** `name`, or `secret/name`; `key/` and `cert/` lead to other kinds of objects. */
  readonly key: string;
  readonly property?: string;
  /** `Fetch`: the tags instead of the value. */
  readonly metadataPolicy?: 'None' | 'Fetch';
}

/** What `spec.data[].remoteRef` leads to; null = it fails. */
export async function readRemoteRef(client: SecretClient, ref: RemoteRef): Promise<string | null> {
  const [kind, name] = ref.key.includes('/') ? splitOnce(ref.key) : ['secret', ref.key];
  if (kind !== 'secret') return null;
  const { value = '', properties } = await client.getSecret(name);
  if (ref.metadataPolicy !== 'Fetch') return propertyOf(value, ref.property);
  const { tags = {} } = properties;
  return ref.property === undefined ? JSON.stringify(tags) : (tags[ref.property] ?? null);
}

/** What `spec.dataFrom[].extract` makes of a secret; null = it fails. */
export async function extract(client: SecretClient, key: string): Promise<Record<string, string> | null> {
  const value = parseObject((await readRemoteRef(client, { key })) ?? '');
  return value && Object.fromEntries(Object.entries(value).map(([name, field]) => [name, textOf(field)]));
}

/** The names that `spec.dataFrom[].find` leads to. */
export async function find(
  client: SecretClient,
  wanted: { readonly name?: RegExp; readonly tags?: Readonly<Record<string, string>> },
): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, tags = {}, enabled } of client.listPropertiesOfSecrets()) {
    const hasTags = Object.entries(wanted.tags ?? {}).every(([tag, value]) => tags[tag] === value);
    if (enabled === true && hasTags && (wanted.name?.test(name) ?? true)) found.push(name);
  }
  return found;
}

/** The path is tried as it is, and then with its dots as part of one name. */
function propertyOf(value: string, property: string | undefined): string | null {
  if (property === undefined) return value;
  const object = parseObject(value);
  if (!object) return null;
  const found = follow(object, property) ?? follow(object, property.replaceAll('.', '\\.'));
  return found === undefined ? null : textOf(found);
}

/** Follows names divided by dots; a backslash makes the next character part of a name. */
function follow(root: unknown, path: string): unknown {
  const names = [...path.matchAll(/(?:\\.|[^.\\])+/gs)].map(([name]) => name);
  return names.reduce((value: unknown, name) => {
    const plain = name.replace(/\\(.)/gs, '$1');
    const isPlain = !/(?<!\\)[*?|#]|^[@!]/.test(name);
    const has = typeof value === 'object' && value !== null && Object.hasOwn(value, plain);
    return isPlain && has ? (value as Record<string, unknown>)[plain] : undefined;
  }, root);
}

function textOf(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function splitOnce(key: string): [string, string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}
