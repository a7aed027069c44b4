import { trimSlashes } from '../../paths/places.ts';

/**
 * What is taken from an audit entry; nothing else of it is looked at twice. Secrets, tokens and accessors stand in
 * `auth`, `request.data`, `response.data` and `wrap_info`, in clear when the device has `log_raw`.
 */
export interface Projection {
  readonly type: string;
  /** Unix time in milliseconds. */
  readonly time: number | null;
  readonly requestId: string | null;
  readonly operation: string | null;
  readonly path: string | null;
  readonly namespace: string;
  readonly mountPoint: string | null;
  readonly mountType: string | null;
  /** The entry says that the request failed, in any of the three ways that Vault has. */
  readonly failed: boolean;
  readonly version: number | null;
  readonly ownWrite: boolean;
}

/** An audited request header of this name marks writes that vault-secret-sync made itself. */
const ownWriteHeader = 'x-vault-sync';

type JsonObject = Readonly<Record<string, unknown>>;

function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** An audit entry has a `type` and a `request`; log shippers wrap it in objects that have not both. */
export function isAuditEntry(value: unknown): boolean {
  const entry = asObject(value);
  return entry !== null && typeof entry['type'] === 'string' && asObject(entry['request']) !== null;
}

/** Takes what we need from an audit entry; null when the value is none. */
export function project(value: unknown): Projection | null {
  const entry = asObject(value);
  const type = asText(entry?.['type']);
  const request = asObject(entry?.['request']);
  if (!entry || type === null || !request) return null;
  const data = asObject(asObject(entry['response'])?.['data']);
  return {
    type,
    time: timeOf(entry['time']),
    requestId: asText(request['id']),
    operation: asText(request['operation']),
    path: asText(request['path']),
    namespace: trimSlashes(asText(asObject(request['namespace'])?.['path']) ?? ''),
    mountPoint: asText(request['mount_point']),
    mountType: asText(request['mount_type']),
    failed: isSet(entry['error']) || isSet(data?.['error']) || Number(data?.['http_status_code'] ?? 0) >= 400,
    version: versionOf(data?.['version']),
    ownWrite: isOwnWrite(asObject(request['headers'])),
  };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false;
}

function timeOf(value: unknown): number | null {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

function versionOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

function isOwnWrite(headers: JsonObject | null): boolean {
  const values = headers?.[ownWriteHeader];
  const first = Array.isArray(values) ? values[0] : values;
  return typeof first === 'string' && first.toLowerCase() === 'true';
}
