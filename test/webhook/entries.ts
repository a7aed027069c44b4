import { readFileSync } from 'node:fs';
import { AuditReader } from '../../src/webhook/audit/reader.ts';
import type { Verdict } from '../../src/webhook/audit/verdict.ts';

export interface Sample {
  readonly name: string;
  readonly expect?: string;
  readonly entry: Record<string, unknown>;
}

/** Audit entries of real Vaults, and entries made after Vault's code where no real one is public. */
export function readSamples(): Sample[] {
  const text = readFileSync(new URL('audit-samples.ndjson', import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
}

export interface EntryOptions {
  type?: string;
  operation?: string;
  path?: string;
  mountPoint?: string | null;
  mountType?: string | null;
  namespace?: string;
  error?: string;
  data?: unknown;
  version?: number;
  time?: string;
  id?: string;
  requestData?: unknown;
}

/** An audit entry as Vault writes it: by default the response to a write of `secret/data/app/db`, KV v2. */
export function auditEntry(options: EntryOptions = {}): Record<string, unknown> {
  const { mountPoint = 'secret/', mountType = 'kv', namespace = '' } = options;
  const mount = {
    ...(mountPoint === null ? {} : { mount_point: mountPoint }),
    ...(mountType === null ? {} : { mount_type: mountType }),
  };
  const data = options.data ?? (options.version === undefined ? undefined : { version: options.version });
  return {
    time: options.time ?? '2026-03-01T12:00:00.123456789Z',
    type: options.type ?? 'response',
    auth: { accessor: 'hmac-sha256:aa', client_token: 'hmac-sha256:bb', policies: ['ci'] },
    request: {
      id: options.id ?? '5e5e5e5e-0000-4000-8000-000000000001',
      operation: options.operation ?? 'update',
      ...mount,
      namespace: namespace === '' ? { id: 'root' } : { id: 'aB3dE', path: `${namespace}/` },
      path: options.path ?? 'secret/data/app/db',
      ...(options.requestData === undefined ? {} : { data: options.requestData }),
    },
    response: { ...mount, ...(data === undefined ? {} : { data }) },
    ...(options.error === undefined ? {} : { error: options.error }),
  };
}

/** One audit line as Vault writes it. */
export function auditLine(options: EntryOptions = {}): string {
  return `${JSON.stringify(auditEntry(options))}\n`;
}

/** As OTLP writes a JSON value. */
export function otlp(value: unknown): unknown {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlp) } };
  return { kvlistValue: { values: pairs(value as object) } };
}

/** As OTLP writes an object's members. */
export function pairs(value: object): { key: string; value: unknown }[] {
  return Object.entries(value).map(([key, child]) => ({ key, value: otlp(child) }));
}

export interface Heard {
  readonly verdicts: Verdict[];
  /** Records ignored without being parsed. */
  passedOver: number;
}

/** What a reader makes of some pieces of a stream. */
export function readAll(
  pieces: readonly (string | Buffer)[],
  options: { prefilter?: boolean; maxRecordBytes?: number } = {},
): Heard {
  const heard: Heard = { verdicts: [], passedOver: 0 };
  const reader = new AuditReader({
    prefilter: options.prefilter ?? false,
    maxRecordBytes: options.maxRecordBytes ?? 1_000_000,
    sink: {
      verdict: (verdict) => heard.verdicts.push(verdict),
      passedOver: () => {
        heard.passedOver += 1;
      },
    },
  });
  for (const piece of pieces) reader.push(Buffer.from(piece));
  reader.end();
  return heard;
}
