import type { Agent as PlainAgent } from 'node:http';
import type { Agent } from 'node:https';
import { SyncError } from '../../errors.ts';
import { networkCodeOf, refusesCertificate } from './failures.ts';

/** A token is renewed this long before its end, or at half its life if that is shorter; in milliseconds. */
const renewalMs = 5 * 60_000;

/** Longest time for one sign-in, in milliseconds. */
const defaultLimitMs = 10_000;

/** What a sign-in gives. */
export interface Token {
  readonly value: string;
  /** Unix times in milliseconds. */
  readonly endsAt: number;
  readonly renewAt: number;
}

/** One request for a token. */
export interface TokenRequest {
  readonly url: string;
  readonly agent: Agent | PlainAgent;
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST. */
  readonly form?: Readonly<Record<string, string>>;
  /** Milliseconds; 10,000 unless said. */
  readonly limitMs: number | undefined;
  /** For messages: what to check when nothing answers there. */
  readonly check: string;
}

export interface TokenAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;
}

/** Asks whoever issues tokens. @throws SyncError when no answer came; it holds nothing of the request */
export async function askForToken({ url, agent, headers, form, limitMs, check }: TokenRequest): Promise<TokenAnswer> {
  const { createDefaultHttpClient, createHttpHeaders, createPipelineRequest } = await import(
    '@azure/core-rest-pipeline'
  );
  const request = createPipelineRequest({
    url,
    method: form ? 'POST' : 'GET',
    headers: createHttpHeaders({
      accept: 'application/json',
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...headers,
    }),
    ...(form ? { body: new URLSearchParams(form).toString() } : {}),
    allowInsecureConnection: url.startsWith('http://'),
    abortSignal: AbortSignal.timeout(limitMs ?? defaultLimitMs),
  });
  // Not among the options above: there the SDK overlooks it.
  request.agent = agent;
  try {
    const response = await createDefaultHttpClient().sendRequest(request);
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
    return { status: response.status, body: parse(response.bodyAsText), retryAfterMs };
  } catch (error) {
    // The error itself holds the request, and that holds the proof: only its code goes on.
    const code = networkCodeOf(error);
    if (refusesCertificate(code)) {
      const text = `the certificate of ${new URL(url).host}, where we sign in, is not trusted (${code}); set stores.azure.caFile if its authority is a private one`;
      throw signInError('SlowRetry', { reason: 'CertificateRefused', text, code });
    }
    const text = `${new URL(url).host} cannot be reached to sign in (${code}); check ${check}`;
    throw signInError('Retry', { reason: 'SignInUnreachable', text, code });
  }
}

/** The token in an answer; null when it holds none. `askedAt` is Unix time in milliseconds. */
export function tokenIn({ status, body }: TokenAnswer, askedAt: number): Token | null {
  const { access_token: value, expires_in: lifetime, expires_on: end } = body;
  if (status !== 200 || typeof value !== 'string' || value === '') return null;
  // App Service tells the end alone, and everyone writes numbers as texts at times.
  const endsAt =
    lifetime === undefined && end !== undefined ? Number(end) * 1000 : askedAt + Number(lifetime ?? 3600) * 1000;
  if (!Number.isFinite(endsAt)) return null;
  return { value, endsAt, renewAt: endsAt - Math.min(renewalMs, Math.max(0, endsAt - askedAt) / 2) };
}

/** Whether asking again may help, without anybody doing something. */
export function isPassing(status: number): boolean {
  return status === 429 || status === 408 || status >= 500 || status === 200;
}

/** A passing failure, with the wait that was asked for. */
export function passingError(where: string, { status, retryAfterMs }: TokenAnswer): SyncError {
  return signInError(status === 429 ? 'RateLimited' : 'Retry', {
    reason: 'SignInFailed',
    text: `${where} failed with ${status}; it is tried again`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

export function signInError(
  remedy: 'SlowRetry' | 'RateLimited' | 'Retry',
  { text, ...rest }: { reason: string; text: string; code?: string; retryAfterMs?: number },
): SyncError {
  return new SyncError({ remedy, message: `Azure: ${text}`, ...rest });
}

/** `AADSTS` and its number where Entra ID told one, else the OAuth word. */
export function codeOf({ body }: TokenAnswer): string {
  const [number] = Array.isArray(body['error_codes']) ? body['error_codes'] : [];
  if (typeof number === 'number') return `AADSTS${number}`;
  const word = body['error'];
  return typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? word : 'no code';
}

function parse(text: string | null | undefined): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text ?? '');
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}
