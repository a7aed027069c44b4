import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { invalidArgument } from './status.ts';

/*
 * Proto3 JSON (https://protobuf.dev/programming-guides/json) for the messages of the service, by their own descriptors:
 * from JSON to what @grpc/proto-loader makes of them, and back. Strict as Google's REST front end is: a member that a
 * message does not have is refused.
 */

interface Field {
  readonly name: string;
  readonly type: string;
  /** As the definition writes it, seen from the message that has the field. */
  readonly typeName: string;
  readonly label: string;
}

interface Enumeration {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

interface Message {
  readonly name: string;
  readonly field: readonly Field[];
  readonly nestedType?: readonly Message[];
  readonly enumType?: readonly Enumeration[];
  readonly options?: { readonly mapEntry?: boolean } | null;
}

/** Every message by its full name, e.g. `google.cloud.secretmanager.v1.Secret`. */
export type Messages = ReadonlyMap<string, Message>;

/** The messages among what the loader gives, the nested ones included. */
export function messagesIn(definitions: object): Messages {
  const messages = new Map<string, Message>();
  const add = (name: string, message: Message): void => {
    messages.set(name, message);
    for (const nested of message.nestedType ?? []) add(`${name}.${nested.name}`, nested);
  };
  for (const [name, definition] of Object.entries(definitions)) {
    const { format, type } = definition as Partial<MessageTypeDefinition<object, object>>;
    if (format === 'Protocol Buffer 3 DescriptorProto') add(name, type as unknown as Message);
  }
  return messages;
}

/** @throws StatusError INVALID_ARGUMENT in the words of Google's front end */
export function fromJson(json: unknown, type: string, messages: Messages, where = ''): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw malformed(where, 'An object is expected.');
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => memberFromJson({ key, value, type, messages, where })));
}

/** A member of a message, or a parameter of a query, by its name in JSON. */
export function memberFromJson(member: {
  readonly key: string;
  readonly value: unknown;
  readonly type: string;
  readonly messages: Messages;
  readonly where: string;
}): [string, unknown] {
  const { key, value, type, messages, where } = member;
  const field = messageOf(type, messages).field.find(({ name }) => name === camelCase(key));
  if (!field) throw malformed(where, `Unknown name "${key}": Cannot find field.`);
  const path = where === '' ? key : `${where}.${key}`;
  const { name, label } = field;
  if (label !== 'LABEL_REPEATED') return [name, valueFromJson(value, { field, type, messages, path })];
  if (isMap(field, type, messages)) return [name, mapFromJson(value, { field, type, messages, path })];
  if (!Array.isArray(value)) throw malformed(path, 'A list is expected.');
  return [name, value.map((item) => valueFromJson(item, { field, type, messages, path }))];
}

export interface JsonOptions {
  readonly messages: Messages;
  /** `$alt=json;enum-encoding=int` */
  readonly numericEnums: boolean;
}

export function toJson(message: object, type: string, options: JsonOptions): Record<string, unknown> {
  const { messages } = options;
  return Object.fromEntries(
    messageOf(type, messages).field.flatMap((field): [string, unknown][] => {
      const { name, label } = field;
      const value = (message as Record<string, unknown>)[name];
      if (value === undefined || value === null || value === '') return [];
      if (label !== 'LABEL_REPEATED') return [[name, valueToJson(value, field, { ...options, type })]];
      if (isMap(field, type, messages)) return Object.keys(value).length === 0 ? [] : [[name, value]];
      const items = (value as unknown[]).map((item) => valueToJson(item, field, { ...options, type }));
      return items.length === 0 ? [] : [[name, items]];
    }),
  );
}

interface Place {
  readonly field: Field;
  /** Of the message that has the field. */
  readonly type: string;
  readonly messages: Messages;
  readonly path: string;
}

function valueFromJson(value: unknown, { field, type, messages, path }: Place): unknown {
  switch (field.type) {
    case 'TYPE_BYTES':
      if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value))
        throw malformed(path, 'Base64 decoding failed.');
      return Buffer.from(value, 'base64');
    case 'TYPE_INT32':
    case 'TYPE_INT64':
      if (!/^-?[0-9]+$/.test(String(value))) throw malformed(path, `Invalid value (${field.type}).`);
      return field.type === 'TYPE_INT32' ? Number(value) : String(value);
    case 'TYPE_MESSAGE':
      return messageFromJson(value, resolve(field.typeName, type, messages), messages, path);
    case 'TYPE_STRING':
      if (typeof value !== 'string') throw malformed(path, 'Invalid value (TYPE_STRING).');
      return value;
    default:
      return value;
  }
}

function messageFromJson(value: unknown, type: string, messages: Messages, path: string): object {
  if (type === 'google.protobuf.Timestamp') {
    const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) throw malformed(path, 'Illegal timestamp format.');
    return { seconds: String(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
  }
  if (type === 'google.protobuf.Duration') {
    const [, seconds] = /^([0-9]+)(?:\.[0-9]+)?s$/.exec(String(value)) ?? [];
    if (seconds === undefined) throw malformed(path, "Illegal duration format; duration must end with 's'.");
    return { seconds, nanos: 0 };
  }
  if (type === 'google.protobuf.FieldMask') {
    const paths = String(value).split(',').filter(Boolean);
    return { paths: paths.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) };
  }
  return fromJson(value, type, messages, path);
}

function mapFromJson(value: unknown, { field, type, messages, path }: Place): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(path, 'A map is expected.');
  const entry = resolve(field.typeName, type, messages);
  const values = messageOf(entry, messages).field.find(({ name }) => name === 'value');
  if (!values) throw new Error(`${entry} is no map`);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      valueFromJson(item, { field: values, type: entry, messages, path: `${path}[${key}]` }),
    ]),
  );
}

function valueToJson(value: unknown, field: Field, options: JsonOptions & { readonly type: string }): unknown {
  const { messages, numericEnums, type } = options;
  if (field.type === 'TYPE_BYTES') return Buffer.from(value as Uint8Array).toString('base64');
  if (field.type === 'TYPE_INT64') return String(value);
  if (field.type === 'TYPE_ENUM') return numericEnums ? enumNumber(value, field, messageOf(type, messages)) : value;
  if (field.type !== 'TYPE_MESSAGE') return value;
  const name = resolve(field.typeName, type, messages);
  const { seconds, nanos = 0 } = value as { seconds: string; nanos?: number };
  if (name === 'google.protobuf.Timestamp')
    return new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)).toISOString();
  if (name === 'google.protobuf.Duration') return `${seconds}s`;
  return toJson(value as object, name, options);
}

function enumNumber(value: unknown, { typeName }: Field, { enumType = [] }: Message): number {
  const values = enumType.find(({ name }) => name === typeName)?.value ?? [];
  return values.find(({ name }) => name === value)?.number ?? 0;
}

function isMap({ label, type: kind, typeName }: Field, type: string, messages: Messages): boolean {
  if (label !== 'LABEL_REPEATED' || kind !== 'TYPE_MESSAGE') return false;
  return messageOf(resolve(typeName, type, messages), messages).options?.mapEntry ?? false;
}

/** The full name of a type: it is looked for in the message itself, and then outwards. */
function resolve(typeName: string, from: string, messages: Messages): string {
  const scope = from.split('.');
  for (let length = scope.length; length >= 0; length -= 1) {
    const name = [...scope.slice(0, length), typeName].join('.');
    if (messages.has(name)) return name;
  }
  throw new Error(`the definition has no message ${typeName}`);
}

function messageOf(type: string, messages: Messages): Message {
  const message = messages.get(type);
  if (!message) throw new Error(`the definition has no message ${type}`);
  return message;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function malformed(where: string, text: string): Error {
  const at = where === '' ? '' : ` at '${where}'`;
  return invalidArgument(`Invalid JSON payload received${at}. ${text}`);
}
