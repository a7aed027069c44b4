import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { InputError } from '../errors.ts';
import type { KnownClient } from './client-certificates.ts';
import type { KnownToken, Tokens } from './tokens.ts';

/** Who sends: `vault` is the only one they may speak for, null = any. */
export interface Sender {
  readonly vault: string | null;
  /** Tells this sender from others; never the credential itself. */
  readonly key: string;
}

/**
 * Finds the sender of a request by its header and its connection, without a look at its body; `unknown` = without the
 * credentials it needs, `torn` = with two that are for different Vaults.
 */
export type Authenticate = (request: IncomingMessage) => Sender | 'unknown' | 'torn';

/**
 * Where both tokens and certificates are wanted, `require` says whether a sender needs both.
 * @throws InputError when neither is, and the settings do not say that none is wanted
 */
export function createAuthenticate(options: {
  readonly tokens: Tokens;
  /** Null when no certificates are wanted. */
  readonly findClient: ((socket: TLSSocket) => KnownClient | null) | null;
  readonly require: 'all' | 'any';
  readonly allowUnauthenticated: boolean;
}): Authenticate {
  const { tokens, findClient, require, allowUnauthenticated } = options;
  if (!tokens.any && !findClient) {
    if (allowUnauthenticated) return ({ socket }) => ({ vault: null, key: `address ${socket.remoteAddress}` });
    throw new InputError(
      'the webhook has no token: set webhook.tokens (e.g. from `openssl rand -hex 32`), or, if something in front of it authenticates senders, webhook.allowUnauthenticated: true',
    );
  }
  const needed = require === 'any' ? 1 : Number(tokens.any) + Number(findClient !== null);

  /** Those with a token alone: made once, for whoever comes again with it. */
  const bearers = new WeakMap<KnownToken, Sender>();
  const bearerOf = (token: KnownToken): Sender => {
    let sender = bearers.get(token);
    if (sender === undefined) {
      sender = { vault: token.vault, key: `token ${token.entry}` };
      bearers.set(token, sender);
    }
    return sender;
  };

  return ({ headers, socket }) => {
    const client = findClient && socket instanceof TLSSocket ? findClient(socket) : null;
    const token = tokens.any ? tokens.find(headers, socket) : null;
    if (Number(client !== null) + Number(token !== null) < needed) return 'unknown';
    if (client === null && token !== null) return bearerOf(token);
    if (client?.vault && token?.vault && client.vault !== token.vault) return 'torn';
    return { vault: client?.vault ?? token?.vault ?? null, key: `certificate ${client?.name}` };
  };
}
