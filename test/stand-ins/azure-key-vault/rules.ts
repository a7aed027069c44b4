import { badParameter } from './service-error.ts';

/** What a caller may set of a secret's attributes; times in seconds. */
interface GivenAttributes {
  readonly enabled?: boolean;
  readonly nbf?: number;
  readonly exp?: number;
}

/** What a caller may set of a secret, as far as the rules allow. */
export interface GivenSecret {
  readonly value?: string;
  readonly contentType?: string;
  readonly tags?: Record<string, string>;
  readonly attributes?: GivenAttributes;
}

const namePattern = /^[0-9a-zA-Z-]{1,127}$/;
const maxValueBytes = 25_600;
const maxContentTypeLength = 255;
const maxTags = 15;
const maxTagLength = 512;

/** Azure: name 1–127 of `[0-9a-zA-Z-]`. */
export function checkName(name: string): void {
  if (!namePattern.test(name)) {
    throw badParameter(
      `The request URI contains an invalid name: ${name}. The name must be a string of length 1-127, containing only 0-9, a-z, A-Z, and -.`,
    );
  }
}

/** Reads a request body and refuses what the service refuses: value 25,600 bytes, 15 tags of 512, contentType 255. */
export function readGivenSecret(body: unknown): GivenSecret {
  if (!isRecord(body)) throw badParameter('The request body is not a JSON object.');
  const value = optional(body, 'value', 'string');
  const contentType = optional(body, 'contentType', 'string');
  const tags = readTags(body['tags']);
  const attributes = readAttributes(body['attributes']);
  if (value !== undefined && Buffer.byteLength(value) > maxValueBytes) {
    throw badParameter(`The value of the secret is larger than the allowed ${maxValueBytes} bytes.`);
  }
  if (contentType !== undefined && contentType.length > maxContentTypeLength) {
    throw badParameter(`The contentType is longer than the allowed ${maxContentTypeLength} characters.`);
  }
  return {
    ...(value === undefined ? {} : { value }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(tags === undefined ? {} : { tags }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

function readTags(given: unknown): Record<string, string> | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isRecord(given)) throw badParameter('tags must be an object.');
  const entries = Object.entries(given);
  if (entries.length > maxTags) throw badParameter(`A secret can have at most ${maxTags} tags.`);
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw badParameter(`The tag ${name} is not a string.`);
    if (name.length > maxTagLength || value.length > maxTagLength) {
      throw badParameter(`A tag's name and value can have at most ${maxTagLength} characters.`);
    }
  }
  return { ...given } as Record<string, string>;
}

function readAttributes(given: unknown): GivenAttributes | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isRecord(given)) throw badParameter('attributes must be an object.');
  const enabled = optional(given, 'enabled', 'boolean');
  const nbf = optional(given, 'nbf', 'number');
  const exp = optional(given, 'exp', 'number');
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(nbf === undefined ? {} : { nbf }),
    ...(exp === undefined ? {} : { exp }),
  };
}

interface Kinds {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<Kind extends keyof Kinds>(
  body: Record<string, unknown>,
  field: string,
  kind: Kind,
): Kinds[Kind] | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== kind) throw badParameter(`${field} must be a ${kind}.`);
  return value as Kinds[Kind];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
