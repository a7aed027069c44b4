/** An answer of the API server that is no success, before it became an error of ours. */
export class HttpFailure extends Error {
  /** HTTP status. */
  readonly code: number;
  /** As it was received. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, body: string, headers: Readonly<Record<string, string>>) {
    super(`HTTP ${code}`);
    this.name = 'HttpFailure';
    this.code = code;
    this.body = body;
    this.headers = headers;
  }
}

/** What is known of a request that failed. */
export interface Failure {
  /** HTTP status; null when there was no answer. */
  readonly status: number | null;
  /** Without an answer: the system's word for it, e.g. `ECONNREFUSED`. */
  readonly code: string;
  /** The API server's CamelCase word, e.g. `AlreadyExists`; empty when it gave none. */
  readonly reason: string;
  /** Names of the fields it complained about. */
  readonly fields: readonly string[];
  /** A 403 by RBAC, not by admission. */
  readonly lacksPermission: boolean;
  /** Milliseconds; null when it did not say. */
  readonly retryAfterMs: number | null;
}

/** Reads the library's errors, ours, and undici's. */
export function failureOf(error: unknown): Failure {
  const { code, body, headers } = asRecord(error);
  if (typeof code !== 'number' || body === undefined) {
    return {
      status: null,
      code: systemCode(error),
      reason: '',
      fields: [],
      lacksPermission: false,
      retryAfterMs: null,
    };
  }
  const { reason, message, details } = asRecord(typeof body === 'string' ? parsed(body) : body);
  const { causes } = asRecord(details);
  const fields = (Array.isArray(causes) ? causes : []).map((cause) => asRecord(cause)['field']);
  return {
    status: code,
    code: String(code),
    reason: typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) ? reason : '',
    fields: fields.filter((field) => typeof field === 'string' && /^[\w.[\]-]{1,128}$/.test(field)) as string[],
    // Admission (a quota, a policy) is Forbidden too, but does not speak of what a user cannot do.
    lacksPermission: code === 403 && typeof message === 'string' && / cannot \w+ resource /.test(message),
    retryAfterMs: retryAfter(asRecord(headers)['retry-after']),
  };
}

/** Whether an error of ours or the library's is this answer of the API server. */
export function isStatus(error: unknown, status: number): boolean {
  return failureOf(error).status === status;
}

function systemCode(error: unknown): string {
  for (let each: unknown = error; each !== undefined && each !== null; each = asRecord(each)['cause']) {
    const { code, name } = asRecord(each);
    if (typeof code === 'string' && /^[A-Z_0-9]+$/.test(code)) return code;
    if (name === 'TimeoutError') return 'time limit';
  }
  return error instanceof Error ? error.name : 'unknown';
}

function retryAfter(header: unknown): number | null {
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
