import { setImmediate as nextTurn } from 'node:timers/promises';
import { Pool } from 'undici';
import { InputError, SyncError } from '../errors.ts';
import { givenUp, timeLimitReached, withTimeLimit } from './deadline.ts';
import { errorCodeOf } from './error-code.ts';
import { parseExactly } from './json.ts';

/** Vault: `max_request_size` is 32 MiB, and nothing it stores can be larger. */
const longestAnswer = 32 * 1024 * 1024;

/** Idle connections end before Vault (5 min) and common load balancers (60 s) end them. */
const idleConnectionMs = 50_000;

const mostConnections = 16;

interface VaultRequest {
  readonly method: string;
  /** Absolute, already percent-encoded, with the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

/** Any answer of Vault, whatever its status. */
export interface VaultAnswer {
  readonly status: number;
  /** Parsed, numbers exact; undefined where there was none or it was not JSON. */
  readonly body: unknown;
  /** Milliseconds, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;
}

export interface TransportOptions {
  /** `https://vault.example:8200`; a path before `/v1` is kept. */
  readonly address: string;
  readonly caPem?: string;
  readonly timeouts: { readonly requestMs: number };
  /** Unix time in milliseconds. */
  now(): number;
}

/** One pool of kept-alive connections to one Vault. Follows no redirects: a token goes to the address it is meant for. */
export interface Transport {
  /** @throws SyncError `SourceUnavailable` without an answer in time, `Retry` when the caller gave up or we are closed */
  send(request: VaultRequest): Promise<VaultAnswer>;
  /** Ends every connection; what is under way fails. */
  close(): Promise<void>;
}

export function createTransport(options: TransportOptions): Transport {
  const limitMs = options.timeouts.requestMs;
  const pool = new Pool(parseAddress(options.address).origin, {
    connections: mostConnections,
    keepAliveTimeout: idleConnectionMs,
    maxResponseSize: longestAnswer,
    allowH2: false,
    connect: { timeout: limitMs, ...(options.caPem === undefined ? {} : { ca: options.caPem }) },
  });
  let closed = false;

  async function exchange(request: VaultRequest, signal: AbortSignal): Promise<VaultAnswer> {
    const { pathname, search } = new URL(request.url);
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const answer = await pool.request({
      method: request.method,
      path: pathname + search,
      headers: { ...request.headers, ...(body === null ? {} : { 'content-type': 'application/json' }) },
      body,
      signal,
    });
    const text = await answer.body.text();
    // undici hands a connection out again one turn of the event loop later; who asks sooner would be given another.
    await nextTurn();
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], options.now());
    return { status: answer.statusCode, body: parseBody(text), retryAfterMs };
  }

  return {
    async send(request) {
      const attempt = `${request.method} ${request.url}`;
      let timedOut = false;
      try {
        return await withTimeLimit({ signal: request.signal, limitMs }, (signal) => {
          signal.addEventListener('abort', () => (timedOut = signal.reason === timeLimitReached), { once: true });
          return exchange(request, signal);
        });
      } catch (error) {
        if (closed) throw givenUp(attempt);
        if (timedOut) throw unavailable('VaultTimeout', `${attempt}: no answer within ${limitMs} ms`);
        if (request.signal.aborted) throw givenUp(attempt);
        throw describeBreak(attempt, error);
      }
    },
    async close() {
      closed = true;
      await pool.destroy();
    },
  };
}

/** @throws InputError for what is not the address of a Vault */
function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InputError('the address of a Vault must be a URL like https://vault.example:8200');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new InputError(`the address of the Vault at ${url.origin} must not hold credentials, a query or a fragment`);
  }
  return url;
}

function parseBody(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    // Not JSON; the error would quote it.
    return undefined;
  }
}

function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** The original error is left out: those of HTTP clients carry requests, and requests carry tokens. */
function describeBreak(attempt: string, error: unknown): SyncError {
  const code = errorCodeOf(error);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return unavailable('AnswerTooLarge', `${attempt}: the answer is larger than ${longestAnswer} bytes`, code);
  }
  return unavailable('VaultUnreachable', `${attempt}: the connection failed (${code ?? 'no code'})`, code);
}

function unavailable(reason: string, message: string, code?: string): SyncError {
  return new SyncError({
    remedy: 'SourceUnavailable',
    reason,
    message,
    ...(code === undefined ? {} : { code }),
  });
}
