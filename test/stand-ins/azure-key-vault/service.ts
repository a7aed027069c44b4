import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { neverIdle } from '../../peers/forward.ts';
import { errorOf, type FaultSwitch, isSignIn, type Operation } from './faults.ts';
import type { Identity } from './identity.ts';
import type { KeyVault } from './key-vault.ts';
import { type AccessRules, denialOf } from './permissions.ts';
import type { Quota } from './quota.ts';
import { readGivenSecret } from './rules.ts';
import { badParameter, ServiceError } from './service-error.ts';
import { bundleOf, currentOf, deletedOf, pageOf, propertiesOf, secretItemOf } from './wire.ts';

/** One request, as tests may look at it: what was asked and what came of it, never a value. */
export interface LoggedRequest {
  /** Unix time in milliseconds at which the answer was given. */
  readonly at: number;
  readonly vault: string;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly operation: Operation | 'unknown';
  /** Null where no answer was given. */
  readonly status: number | null;
  /** The application whose token it bore; null without one that holds. */
  readonly client: string | null;
}

export interface ServiceParts {
  /** The vault that a host name stands for. */
  vaultAt(host: string): KeyVault;
  readonly identity: Identity;
  readonly faults: FaultSwitch;
  readonly requests: LoggedRequest[];
  /** What applications may do now. */
  access(): AccessRules;
  readonly quota: Quota;
  now(): number;
}

interface Answer {
  readonly status: number;
  /** Only half of it is sent. */
  readonly isStalled?: boolean;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface Route {
  readonly operation: Operation;
  /** Secret name, or the tenant of a token request. */
  readonly name: string;
  readonly version: string;
}

interface Call {
  readonly route: Route;
  readonly url: URL;
  readonly base: string;
  readonly vault: KeyVault;
}

const maxBodyBytes = 1 << 20;

/** The HTTPS server that speaks for the vaults and for the token endpoint. */
export function createService(parts: ServiceParts, tls: { key: string; cert: string }): Server {
  return createServer({ ...neverIdle, ...tls }, (request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      // A caller that hangs up while it is being read ends here too; its socket is gone already.
      if (!request.destroyed) process.stderr.write(`stand-in: ${error instanceof Error ? error.stack : 'unknown'}\n`);
      request.socket.destroy();
    });
  });
}

async function serve(parts: ServiceParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = request.headers.host ?? 'localhost';
  const url = new URL(request.url ?? '/', `https://${host}`);
  const route = routeOf(request.method ?? '', url.pathname);
  const { answer, client } = await answerOf(parts, { request, url, route });
  parts.requests.push({
    at: parts.now(),
    vault: url.hostname,
    method: request.method ?? '',
    path: url.pathname,
    operation: route?.operation ?? 'unknown',
    status: answer?.status ?? null,
    client,
  });
  if (!answer) {
    request.socket.destroy();
    return;
  }
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
  response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...answer.headers });
  if (answer.isStalled) {
    response.write(text.slice(0, text.length / 2));
    await parts.faults.hang(request.socket);
    request.socket.destroy();
    return;
  }
  response.end(text);
}

/** The answer to a request, null where a fault keeps it back; and who asked. */
async function answerOf(
  parts: ServiceParts,
  call: { request: IncomingMessage; url: URL; route: Route | undefined },
): Promise<{ answer: Answer | null; client: string | null }> {
  const { request, url, route } = call;
  let client: string | null = null;
  try {
    const body = await readBody(request);
    if (!route) throw new ServiceError({ status: 404, code: 'NotFound', message: 'There is no such resource.' });
    if (!isSignIn(route.operation)) client = parts.identity.authorize(request.headers.authorization, url.origin);
    const fault = parts.faults.strike(route.operation);
    if (fault?.kind === 'hang') {
      await parts.faults.hang(request.socket);
      return { answer: null, client };
    }
    const error = (fault && errorOf(fault, route.operation)) ?? denialOf(parts.access(), route.operation);
    if (error) throw error;
    if (!isSignIn(route.operation)) parts.quota.take(url.hostname, route.operation);
    const answer = perform(parts, { route, url, base: url.origin, vault: parts.vaultAt(url.hostname) }, body);
    if (fault?.kind === 'lost') return { answer: null, client };
    return { answer: fault?.kind === 'stall' ? { ...answer, isStalled: true } : answer, client };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { answer: { status: error.status, body: error.body, headers: error.headers }, client };
  }
}

function perform(parts: ServiceParts, { route, url, base, vault }: Call, body: string): Answer {
  const { name, version } = route;
  if (!isSignIn(route.operation)) checkApiVersion(url);
  switch (route.operation) {
    case 'SetSecret': {
      const secret = vault.set(name, readGivenSecret(parseJson(body)));
      return { status: 200, body: bundleOf(vault, base, { secret, version: currentOf(secret) }) };
    }
    case 'GetSecret':
      return { status: 200, body: bundleOf(vault, base, vault.get(name, version)) };
    case 'UpdateSecret': {
      const found = vault.update(name, version, readGivenSecret(parseJson(body)));
      return { status: 200, body: propertiesOf(vault, base, found) };
    }
    case 'DeleteSecret':
      return { status: 200, body: deletedOf(vault, base, { secret: vault.delete(name), inList: false }) };
    case 'GetSecrets':
      return { status: 200, body: pageOf(vault.live(), url, (secret) => secretItemOf(vault, base, secret)) };
    case 'GetSecretVersions':
      return { status: 200, body: pageOf(vault.versions(name), url, (found) => propertiesOf(vault, base, found)) };
    case 'GetDeletedSecret':
      return { status: 200, body: deletedOf(vault, base, { secret: vault.getDeleted(name), inList: false }) };
    case 'GetDeletedSecrets':
      return {
        status: 200,
        body: pageOf(vault.deleted(), url, (secret) => deletedOf(vault, base, { secret, inList: true })),
      };
    case 'RecoverDeletedSecret': {
      const secret = vault.recover(name);
      return { status: 200, body: propertiesOf(vault, base, { secret, version: currentOf(secret) }) };
    }
    case 'PurgeDeletedSecret':
      vault.purge(name);
      return { status: 204 };
    case 'GetToken':
      return parts.identity.issueToken(name, new URLSearchParams(body));
    case 'GetManagedToken':
      throw new Error('tokens of managed identities are given elsewhere');
    default: {
      const never: never = route.operation;
      throw new Error(`unknown operation ${String(never)}`);
    }
  }
}

const routes: readonly [method: string, path: RegExp, operation: Operation][] = [
  ['POST', /^\/([^/]+)\/oauth2\/v2\.0\/token$/, 'GetToken'],
  ['GET', /^\/secrets\/?$/, 'GetSecrets'],
  ['GET', /^\/secrets\/([^/]+)\/versions$/, 'GetSecretVersions'],
  ['GET', /^\/secrets\/([^/]+)(?:\/([^/]*))?$/, 'GetSecret'],
  ['PUT', /^\/secrets\/([^/]+)$/, 'SetSecret'],
  ['PATCH', /^\/secrets\/([^/]+)(?:\/([^/]*))?$/, 'UpdateSecret'],
  ['DELETE', /^\/secrets\/([^/]+)$/, 'DeleteSecret'],
  ['GET', /^\/deletedsecrets\/?$/, 'GetDeletedSecrets'],
  ['GET', /^\/deletedsecrets\/([^/]+)$/, 'GetDeletedSecret'],
  ['POST', /^\/deletedsecrets\/([^/]+)\/recover$/, 'RecoverDeletedSecret'],
  ['DELETE', /^\/deletedsecrets\/([^/]+)$/, 'PurgeDeletedSecret'],
];

function routeOf(method: string, path: string): Route | undefined {
  for (const [wanted, pattern, operation] of routes) {
    const match = method === wanted ? pattern.exec(path) : null;
    if (match) return { operation, name: decodeURIComponent(match[1] ?? ''), version: match[2] ?? '' };
  }
  return undefined;
}

/** Versions of the API whose secrets look like those of the pinned SDK's `2026-04-01`. */
function checkApiVersion(url: URL): void {
  const version = url.searchParams.get('api-version') ?? '';
  if (!/^(7\.[0-6]|20\d\d-\d\d-\d\d(-preview)?)$/.test(version)) {
    throw badParameter('The api-version query parameter is missing or not supported.');
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw badParameter('The request body is not valid JSON.');
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) {
      throw new ServiceError({ status: 413, code: 'RequestEntityTooLarge', message: 'The request is too large.' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
