import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { neverIdle } from '../../peers/forward.ts';
import { caFile } from '../gcp-secret-manager/tls.ts';
import { type Answer, createIdentity, type Rules } from './identity.ts';

export type IdentityFault = 'unavailable' | 'throttle' | 'hang';

export interface GoogleIdentity {
  /** `https://localhost:port` of both services. */
  readonly url: string;
  /** The certificate authority to trust for it. */
  readonly caFile: string;
  /** Tokens given so far, of both services, oldest first. */
  readonly tokens: readonly string[];
  /** What was asked so far, e.g. `token` or `generateAccessToken`. */
  readonly requests: readonly string[];
  forgetRequests(): void;
  /** Requests that hang, and whose callers have not given up. */
  hanging(): number;
  /** From now on. */
  change(rules: Partial<Rules>): void;
  /** From now on, for every request; null = none. */
  fault(fault: IdentityFault | null): void;
  stop(): Promise<void>;
}

/**
 * Starts Google's STS and IAM Credentials on loopback, with TLS, in this process. `onIssue` hears of each new token before
 * its owner gets it.
 */
export async function startGoogleIdentity(
  given: Partial<Rules> = {},
  onIssue: (token: string) => Promise<void> = async () => undefined,
): Promise<GoogleIdentity> {
  let rules: Rules = { providers: [], impersonators: {}, lifetimeSeconds: 3_600, ...given };
  let fault: IdentityFault | null = null;
  const tokens: string[] = [];
  const requests: string[] = [];
  let hanging = 0;
  const identity = createIdentity(
    () => rules,
    (token) => tokens.push(token),
  );
  const folder = new URL('../gcp-secret-manager/tls/', import.meta.url);
  const options = {
    key: readFileSync(new URL('server-key.pem', folder)),
    cert: readFileSync(new URL('server.pem', folder)),
  };
  const server = createServer({ ...neverIdle, ...options }, async (request, response): Promise<void> => {
    const body = await text(request);
    const email = /^\/v1\/projects\/-\/serviceAccounts\/([^/:]+):generateAccessToken$/.exec(request.url ?? '')?.[1];
    requests.push(email === undefined ? 'token' : 'generateAccessToken');
    const before = tokens.length;
    const send = async ({ status, body: answer }: Answer): Promise<void> => {
      for (const token of tokens.slice(before)) await onIssue(token);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    };
    if (fault === 'hang') {
      hanging += 1;
      response.once('close', () => {
        hanging -= 1;
      });
      return;
    }
    if (fault !== null) return send({ status: fault === 'throttle' ? 429 : 503, body: {} });
    if (request.method === 'POST' && request.url === '/v1/token')
      return send(identity.exchange(new URLSearchParams(body)));
    if (request.method !== 'POST' || email === undefined) return send({ status: 404, body: {} });
    const { authorization = '' } = request.headers;
    return send(identity.generateAccessToken(decodeURIComponent(email), { authorization, body: JSON.parse(body) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    caFile,
    tokens,
    requests,
    forgetRequests: () => {
      requests.length = 0;
    },
    hanging: () => hanging,
    change: (changes) => {
      rules = { ...rules, ...changes };
    },
    fault: (next) => {
      fault = next;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
