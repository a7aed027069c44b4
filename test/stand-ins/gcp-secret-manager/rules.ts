import { crc32c } from './crc32c.ts';
import { invalidArgument } from './status.ts';
import type { WirePayload, WireReplication, WireSecret } from './wire.ts';

/*
 * What the real service refuses with INVALID_ARGUMENT. "resources.proto" and "service.proto" are the API definition that
 * Google ships in @google-cloud/secret-manager (build/protos/google/cloud/secretmanager/v1); its comments state the rules.
 */

/** service.proto, CreateSecretRequest.secret_id: at most 255 characters; letters, numerals, hyphen, underscore. */
const SECRET_ID = /^[A-Za-z0-9_-]{1,255}$/;

/** resources.proto, Secret.labels: no more than 64. */
const MAX_LABELS = 64;

/** resources.proto, Secret.labels: the two expressions are Google's own. */
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/** resources.proto, Secret.labels and Secret.annotations: UTF-8 encoding of at most 128 bytes (keys; label values too). */
const MAX_ENCODED_BYTES = 128;

/** resources.proto, Secret.annotations: 1 to 63 characters, alphanumeric at both ends; dash, underscore, dot between. */
const ANNOTATION_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** resources.proto, Secret.annotations: the keys and values together must be less than 16 KiB. */
const ANNOTATIONS_BYTES_BELOW = 16 * 1024;

/** resources.proto, SecretPayload.data: no larger than 64 KiB. */
const MAX_PAYLOAD_BYTES = 64 * 1024;

/** Members of Secret that the real service knows and this stand-in does not: refused, so that nothing is silently lost. */
const UNSUPPORTED = ['topics', 'ttl', 'expireTime', 'rotation', 'versionAliases', 'versionDestroyTtl', 'tags'] as const;

export function checkSecretId(secretId: string): void {
  if (!SECRET_ID.test(secretId))
    throw invalidArgument(
      `The provided Secret ID [${secretId}] does not match the expected format [[a-zA-Z_0-9-]+] of at most 255 characters.`,
    );
}

export function checkLabels(labels: Record<string, string>): void {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) throw invalidArgument(`No more than ${MAX_LABELS} labels are allowed.`);
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key) || isTooLong(key)) throw invalidArgument(`Label key [${key}] is invalid.`);
    if (!LABEL_VALUE.test(value) || isTooLong(value)) throw invalidArgument(`The value of label [${key}] is invalid.`);
  }
}

export function checkAnnotations(annotations: Record<string, string>): void {
  let total = 0;
  for (const [key, value] of Object.entries(annotations)) {
    if (!ANNOTATION_KEY.test(key) || isTooLong(key)) throw invalidArgument(`Annotation key [${key}] is invalid.`);
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total >= ANNOTATIONS_BYTES_BELOW) throw invalidArgument('The total size of annotations must be less than 16KiB.');
}

/** A secret without a location must say how it is replicated; user-managed replicas "cannot be empty" (resources.proto). */
export function checkReplication(replication: WireReplication | null | undefined): WireReplication {
  if (replication?.automatic) return { automatic: replication.automatic };
  const replicas = replication?.userManaged?.replicas ?? [];
  if (replicas.length === 0) throw invalidArgument('Field [secret.replication] is required.');
  return { userManaged: { replicas } };
}

/** The bytes of a payload that keeps the rules; the checksum is verified when it is given (SecretPayload.data_crc32c). */
export function checkPayload(payload: WirePayload | null | undefined): Buffer {
  if (!payload) throw invalidArgument('Field [payload] is required.');
  const data = Buffer.from(payload.data);
  // The answer of the real service to an empty payload, as its users report it: "Secret Payload cannot be empty".
  if (data.length === 0) throw invalidArgument('Secret Payload cannot be empty.');
  if (data.length > MAX_PAYLOAD_BYTES) throw invalidArgument(`The payload is larger than ${MAX_PAYLOAD_BYTES} bytes.`);
  if (payload.dataCrc32c !== undefined && payload.dataCrc32c !== String(crc32c(data))) {
    throw invalidArgument('The provided checksum does not match the payload (data_crc32c).');
  }
  return data;
}

export function checkSupported(secret: WireSecret): void {
  for (const member of UNSUPPORTED) {
    const value = secret[member];
    const isSet = value !== undefined && value !== null && Object.keys(value).length > 0;
    if (isSet) throw invalidArgument(`This stand-in does not know [secret.${member}].`);
  }
}

function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > MAX_ENCODED_BYTES;
}
