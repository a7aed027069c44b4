import { sign } from 'node:crypto';
import { SyncError } from '../../errors.ts';
import type { ResourceIdentity } from '../contract.ts';
import { cloudScope, createTokenCache, type Token, type TokenSource } from './tokens.ts';

/** Key of a Secret that holds the JSON key of a service account. */
const secretKey = 'credentials.json';

/** Google: a token that a service account signs itself holds for an hour at most. https://google.aip.dev/auth/4111 */
const lifetimeSeconds = 3_600;

interface ServiceAccountKey {
  readonly email: string;
  readonly privateKey: string;
  readonly keyId: string | null;
}

/**
 * Tokens signed with the key of a service account that a Secret holds; no call is needed for them. Of the file only the
 * account and its key are used: it names addresses too, and whoever may write the Secret must not choose where we send
 * what.
 */
export function createKeyTokens(identity: ResourceIdentity, now: () => number): TokenSource {
  return createTokenCache({
    now,
    source: () => identity.secretValue(secretKey),
    tokenFrom: async (text) => signToken(identity, parseKey(identity, text), now()),
  });
}

function parseKey(identity: ResourceIdentity, text: string | null): ServiceAccountKey {
  if (text === null) throw unusable(identity, `has no key ${secretKey}; put the JSON key of a service account there`);
  const {
    type,
    client_email: email,
    private_key: privateKey,
    private_key_id: keyId,
    universe_domain: universe = 'googleapis.com',
  } = parseObject(identity, text);
  if (type !== 'service_account') {
    // Other kinds name files to read, programs to run and addresses to send tokens to, all of them on our side.
    const kind = typeof type === 'string' && /^[a-z_]{1,40}$/.test(type) ? type : 'without a type';
    throw unusable(identity, `has credentials that are ${kind}, and only those of type service_account are taken`);
  }
  if (universe !== 'googleapis.com')
    throw unusable(identity, 'has a key of another universe_domain than googleapis.com');
  if (typeof email !== 'string' || typeof privateKey !== 'string')
    throw unusable(
      identity,
      'has no client_email or no private_key in its JSON; make a new key of the service account',
    );
  return { email, privateKey, keyId: typeof keyId === 'string' ? keyId : null };
}

function parseObject(identity: ResourceIdentity, text: string): Record<string, unknown> {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message repeats the text.
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw unusable(identity, `has no JSON under ${secretKey}; put the JSON key of a service account there`);
}

function signToken(identity: ResourceIdentity, { email, privateKey, keyId }: ServiceAccountKey, now: number): Token {
  const issuedAt = Math.floor(now / 1_000);
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === null ? {} : { kid: keyId }) };
  const claims = { iss: email, sub: email, scope: cloudScope, iat: issuedAt, exp: issuedAt + lifetimeSeconds };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  try {
    const signature = sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url');
    return { value: `${signed}.${signature}`, endsAt: (issuedAt + lifetimeSeconds) * 1_000 };
  } catch {
    throw unusable(identity, 'has a private_key that is none; make a new key of the service account');
  }
}

function unusable({ label }: ResourceIdentity, what: string): SyncError {
  return new SyncError({ remedy: 'SlowRetry', reason: 'CredentialsInvalid', message: `GCP: the ${label} ${what}` });
}
