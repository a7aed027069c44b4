import { verify } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { StatusError } from './status.ts';

/** Whom the stand-in knows. */
export interface Callers {
  /** Access tokens, as an identity service would have issued them. */
  readonly tokens?: readonly string[];
  /** Public keys (PEM) of service accounts by e-mail, for tokens that these sign themselves. */
  readonly keys?: Readonly<Record<string, string>>;
}

const scopes = ['https://www.googleapis.com/auth/cloud-platform'];

/** AIP-4111: a token that a service account signs itself holds for an hour at most. */
const longestSeconds = 3_600;

/**
 * Lets in who brings an access token or a self-signed token (https://google.aip.dev/auth/4111); `null` = everybody.
 * @throws StatusError UNAUTHENTICATED
 */
export function checkCaller(authorization: string, callers: Callers | null, now: Date): void {
  if (callers === null) return;
  const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? '';
  if (callers.tokens?.includes(token) || isSelfSigned(token, callers.keys ?? {}, now)) return;
  throw new StatusError(status.UNAUTHENTICATED, 'Request had invalid authentication credentials.', [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'ACCESS_TOKEN_TYPE_UNSUPPORTED',
      domain: 'googleapis.com',
      metadata: { service: 'secretmanager.googleapis.com' },
    },
  ]);
}

function isSelfSigned(token: string, keys: Readonly<Record<string, string>>, now: Date): boolean {
  const [header = '', body = '', signature = ''] = token.split('.');
  const claims = parse(body);
  const key = typeof claims['iss'] === 'string' ? keys[claims['iss']] : undefined;
  if (!key || parse(header)['alg'] !== 'RS256') return false;
  const seconds = now.getTime() / 1_000;
  const [issuedAt, endsAt] = [Number(claims['iat']), Number(claims['exp'])];
  return (
    verify('RSA-SHA256', Buffer.from(`${header}.${body}`), key, Buffer.from(signature, 'base64url')) &&
    claims['sub'] === claims['iss'] &&
    (scopes.includes(String(claims['scope'])) || claims['aud'] === 'https://secretmanager.googleapis.com/') &&
    // A clock may be a little ahead of Google's.
    issuedAt <= seconds + 60 &&
    endsAt > seconds &&
    endsAt - issuedAt <= longestSeconds
  );
}

function parse(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}
