import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { InputError } from '../errors.ts';
import type { TokenSettings } from './settings.ts';

/** Who sends: `vault` is the only one they may speak for, null = any. */
export interface Sender {
  readonly vault: string | null;
}

/** Finds the sender by the credential in a request's headers; null = refused. */
export type Authenticate = (headers: IncomingHttpHeaders) => Sender | null;

const tokenHeader = 'x-vault-secret-sync-token';

/**
 * Tokens come as `Authorization: Bearer …` or in `X-Vault-Secret-Sync-Token`.
 * @throws InputError when there is no token and the settings do not say that none is wanted
 */
export function createAuthenticate(options: {
  readonly tokens: readonly TokenSettings[];
  readonly allowUnauthenticated: boolean;
}): Authenticate {
  const { tokens, allowUnauthenticated } = options;
  if (tokens.some(({ token }) => token === '')) {
    throw new InputError('webhook.tokens holds an empty token: give it a value, or remove it');
  }
  if (tokens.length === 0) {
    if (allowUnauthenticated) return () => ({ vault: null });
    throw new InputError(
      'the webhook has no token: set webhook.tokens (e.g. from `openssl rand -hex 32`), or, if something in front of it authenticates senders, webhook.allowUnauthenticated: true',
    );
  }
  const known = tokens.map(({ token, vault }) => ({ digest: digestOf(token), vault: vault ?? null }));
  return (headers) => {
    let sender: Sender | null = null;
    for (const presented of presentedTokens(headers)) {
      const digest = digestOf(presented);
      // Every known token is compared, so that the time taken does not tell which one was near.
      for (const { digest: expected, vault } of known) if (timingSafeEqual(digest, expected)) sender = { vault };
    }
    return sender;
  };
}

function presentedTokens(headers: IncomingHttpHeaders): string[] {
  const bearer = /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  const own = headers[tokenHeader];
  return [bearer, typeof own === 'string' ? own : undefined]
    .map((token) => token?.trim() ?? '')
    .filter((token) => token !== '');
}

/** Of one length whatever the token's, as the comparison needs it. */
function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
