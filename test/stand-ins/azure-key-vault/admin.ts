import { createServer, type IncomingMessage, type Server } from 'node:http';
import { neverIdle } from '../../peers/forward.ts';
import { type FaultSwitch, readFault } from './faults.ts';
import type { Application, Identity } from './identity.ts';
import type { KeyVault, Secret } from './key-vault.ts';
import { type AccessRules, allAllowed, readAccessRules } from './permissions.ts';
import { readGivenSecret } from './rules.ts';
import type { LoggedRequest } from './service.ts';
import { ServiceError } from './service-error.ts';
import { currentOf } from './wire.ts';

export interface AdminParts {
  vaultAt(host: string): KeyVault;
  readonly identity: Identity;
  readonly faults: FaultSwitch;
  readonly requests: LoggedRequest[];
  /** From now on. */
  setAccess(rules: AccessRules): void;
  /** TLS connections since the start. */
  connections(): number;
}

/** What a test or the demo sees of a secret, value included: this is what copies are compared with. */
export interface StoredSecret {
  readonly name: string;
  readonly phase: string;
  readonly managed: boolean;
  readonly value: string;
  readonly version: string;
  readonly versions: number;
  readonly enabled: boolean;
  readonly contentType: string | null;
  /** Seconds since 1970; null = none. */
  readonly nbf: number | null;
  readonly exp: number | null;
  readonly created: number;
  readonly tags: Record<string, string>;
}

/** The HTTP server that tests and the demo steer the stand-in with. It exists only in the stand-in. */
export function createAdmin(parts: AdminParts): Server {
  return createServer(neverIdle, (request, response) => {
    void answerOf(parts, request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : `${JSON.stringify(body, null, 2)}\n`);
    });
  });
}

async function answerOf(parts: AdminParts, request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
  try {
    return await route(parts, request);
  } catch (error) {
    const status = error instanceof ServiceError ? error.status : 400;
    return { status, body: { error: error instanceof Error ? error.message : 'unknown' } };
  }
}

async function route(parts: AdminParts, request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const vault = parts.vaultAt(url.searchParams.get('vault') ?? 'localhost');
  const [root, kind = '', name] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (root !== '_admin') return { status: 404 };
  switch (`${request.method} ${kind}${name === undefined ? '' : '/NAME'}`) {
    case 'GET requests':
      return { status: 200, body: parts.requests };
    case 'DELETE requests':
      parts.requests.length = 0;
      return { status: 204 };
    case 'POST faults':
      parts.faults.add(readFault(await readJson(request)));
      return { status: 204 };
    case 'DELETE faults':
      parts.faults.clear();
      return { status: 204 };
    case 'GET hanging':
      return { status: 200, body: { count: parts.faults.hanging } };
    case 'PUT applications/NAME':
      parts.identity.register(readApplication(name ?? '', await readJson(request)));
      return { status: 204 };
    case 'DELETE tokens':
      parts.identity.revokeTokens();
      return { status: 204 };
    case 'PUT access':
      parts.setAccess(readAccessRules(await readJson(request)));
      return { status: 204 };
    case 'DELETE access':
      parts.setAccess(allAllowed);
      return { status: 204 };
    case 'GET connections':
      return { status: 200, body: { count: parts.connections() } };
    case 'GET secrets':
      return { status: 200, body: vault.all().map((secret) => storedOf(vault, secret)) };
    case 'GET secrets/NAME': {
      const secret = vault.all().find((candidate) => candidate.name.toLowerCase() === name?.toLowerCase());
      return secret ? { status: 200, body: storedOf(vault, secret) } : { status: 404 };
    }
    case 'PUT secrets/NAME':
      return { status: 200, body: storedOf(vault, vault.set(name ?? '', readGivenSecret(await readJson(request)))) };
    case 'PATCH secrets/NAME': {
      const { secret } = vault.update(name ?? '', '', readGivenSecret(await readJson(request)));
      return { status: 200, body: storedOf(vault, secret) };
    }
    case 'DELETE secrets/NAME':
      return { status: 200, body: storedOf(vault, vault.delete(name ?? '')) };
    case 'PUT managed/NAME': {
      const given = readGivenSecret(await readJson(request));
      return { status: 200, body: storedOf(vault, vault.setManaged(name ?? '', given.value ?? '')) };
    }
    default:
      return { status: 404 };
  }
}

function storedOf(vault: KeyVault, secret: Secret): StoredSecret {
  const version = currentOf(secret);
  return {
    name: secret.name,
    phase: vault.phaseOf(secret),
    managed: secret.managed,
    value: version.value,
    version: version.id,
    versions: secret.versions.length,
    enabled: version.enabled,
    contentType: version.contentType ?? null,
    nbf: version.nbf ?? null,
    exp: version.exp ?? null,
    created: version.created,
    tags: version.tags ?? {},
  };
}

function readApplication(clientId: string, given: unknown): Application {
  const { clientSecret, assertionSubject } = (given ?? {}) as Partial<Application>;
  if (typeof clientSecret !== 'string') throw new Error('an application needs "clientSecret"');
  return { clientId, clientSecret, assertionSubject };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
