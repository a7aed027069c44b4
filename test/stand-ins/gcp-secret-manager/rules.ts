import { crc32c } from './crc32c.ts';
import { invalidArgument } from './status.ts';
import {
  dateOf,
  type WireDuration,
  type WireKey,
  type WirePayload,
  type WireReplication,
  type WireSecret,
} from './wire.ts';

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

/** resources.proto, Secret.topics: up to 10, in this format. */
const MAX_TOPICS = 10;
const TOPIC = /^projects\/[^/]+\/topics\/[^/]+$/;

/** resources.proto, Secret.version_aliases: at most 50, of at most 63 characters, beginning with a letter. */
const MAX_ALIASES = 50;
const ALIAS = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const RESERVED_ALIASES: readonly string[] = ['latest', 'NEW'];

/** docs/delay-destruction-of-secret-versions: at least 24 hours and at most 1,000 days. */
const DESTROY_TTL_SECONDS = { least: 86_400, most: 86_400_000 };

/** resources.proto, CustomerManagedEncryption.kms_key_name. */
const KMS_KEY = /^projects\/[^/]+\/locations\/([^/]+)\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

/** Members of Secret that the real service knows and this stand-in does not: refused, so that nothing is silently lost. */
const UNSUPPORTED = ['rotation', 'tags'] as const;

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

/**
 * A secret without a location must say how it is replicated, and user-managed replicas "cannot be empty"; one with a
 * location has no replication (resources.proto; docs/regional-secrets-overview).
 */
export function checkReplication(
  replication: WireReplication | null | undefined,
  location: string | null,
): WireReplication | null {
  if (location !== null) {
    if (!replication) return null;
    throw invalidArgument('Field [secret.replication] must not be set for a regional secret.');
  }
  if (replication?.automatic) {
    checkKey(replication.automatic, 'global');
    return { automatic: replication.automatic };
  }
  const replicas = replication?.userManaged?.replicas ?? [];
  if (replicas.length === 0) throw invalidArgument('Field [secret.replication] is required.');
  if (new Set(replicas.map((replica) => replica.location)).size < replicas.length)
    throw invalidArgument('Field [secret.replication] names a location twice.');
  for (const replica of replicas) checkKey(replica, replica.location);
  return { userManaged: { replicas } };
}

/** The places of a replication, without keys: what "cannot be changed after the Secret has been created" (resources.proto). */
export function placesOf(replication: WireReplication | null): string {
  if (!replication) return '';
  const locations = (replication.userManaged?.replicas ?? []).map(({ location }) => location);
  return replication.automatic ? 'automatic' : locations.sort().join();
}

/** The key of a regional secret: in its own location (docs/regional-secrets-cmek). */
export function checkRegionalKey(secret: WireSecret, location: string | null): string | null {
  if (!secret.customerManagedEncryption) return null;
  if (location === null)
    throw invalidArgument('Field [secret.customer_managed_encryption] is for regional secrets only.');
  checkKey(secret, location);
  return secret.customerManagedEncryption.kmsKeyName;
}

/** resources.proto: keys reside in the location of the replica, or in `global` for automatic replication. */
function checkKey({ customerManagedEncryption }: WireKey, location: string): void {
  if (!customerManagedEncryption) return;
  const [, place] = KMS_KEY.exec(customerManagedEncryption.kmsKeyName) ?? [];
  if (place === undefined) throw invalidArgument('Field [kms_key_name] is not the name of a key.');
  if (place !== location) throw invalidArgument(`The KMS key must be in the location [${location}].`);
}

export function checkTopics(topics: WireSecret['topics']): string[] {
  const names = (topics ?? []).map(({ name }) => name);
  if (names.length > MAX_TOPICS) throw invalidArgument(`No more than ${MAX_TOPICS} topics are allowed.`);
  for (const name of names) if (!TOPIC.test(name)) throw invalidArgument('Field [secret.topics] is invalid.');
  return names;
}

/** resources.proto: expiry is a time or a time to live; a time that is over cannot be meant (docs/secret-expiration). */
export function checkExpiry({ expireTime, ttl }: WireSecret, now: Date): Date | null {
  const time = ttl ? new Date(now.getTime() + Number(ttl.seconds) * 1000) : expireTime ? dateOf(expireTime) : null;
  if (time && time <= now) throw invalidArgument('Field [secret.expire_time] must be in the future.');
  return time;
}

export function checkDestroyTtl({ versionDestroyTtl }: WireSecret): WireDuration | null {
  if (!versionDestroyTtl) return null;
  const seconds = Number(versionDestroyTtl.seconds);
  if (seconds < DESTROY_TTL_SECONDS.least || seconds > DESTROY_TTL_SECONDS.most)
    throw invalidArgument('Field [secret.version_destroy_ttl] must be between 24 hours and 1000 days.');
  return versionDestroyTtl;
}

/** That an alias needs a version that is there: docs/assign-alias-to-secret-version ("an existing version"). */
export function checkAliases(aliases: Record<string, string>, versions: readonly { readonly number: number }[]): void {
  const entries = Object.entries(aliases);
  if (entries.length > MAX_ALIASES) throw invalidArgument(`No more than ${MAX_ALIASES} aliases are allowed.`);
  for (const [alias, number] of entries) {
    if (!ALIAS.test(alias) || RESERVED_ALIASES.includes(alias))
      throw invalidArgument(`Version alias [${alias}] is invalid.`);
    if (!versions.some((version) => String(version.number) === number))
      throw invalidArgument(`Version alias [${alias}] refers to a version that does not exist.`);
  }
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
