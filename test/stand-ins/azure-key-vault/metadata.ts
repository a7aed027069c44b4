import { createServer, type IncomingMessage, type Server } from 'node:http';
import { neverIdle } from '../../peers/forward.ts';
import { errorOf, type FaultSwitch, type Operation } from './faults.ts';
import type { Identity, TokenAnswer } from './identity.ts';
import type { LoggedRequest } from './service.ts';

export interface MetadataParts {
  readonly identity: Identity;
  readonly faults: FaultSwitch;
  readonly requests: LoggedRequest[];
  /** What App Service gives its apps to prove that they are local; here it is known. */
  readonly header: string;
  now(): number;
}

const operation: Operation = 'GetManagedToken';

/**
 * What tells an Azure machine or app its identity's tokens, in plain HTTP: `/metadata/identity/oauth2/token` as the
 * metadata service of a machine, `/msi/token` as App Service.
 */
export function createMetadata(parts: MetadataParts): Server {
  return createServer(neverIdle, (request, response) => {
    void answerOf(parts, request).then((answer) => {
      const { pathname, host } = new URL(request.url ?? '/', 'http://metadata');
      const status = answer?.status ?? null;
      parts.requests.push({
        at: parts.now(),
        vault: host,
        method: request.method ?? '',
        path: pathname,
        operation,
        status,
        client: null,
      });
      if (!answer) return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...answer.headers });
      return response.end(JSON.stringify(answer.body));
    });
  });
}

async function answerOf(
  parts: MetadataParts,
  request: IncomingMessage,
): Promise<(TokenAnswer & { readonly headers?: Record<string, string> }) | null> {
  const fault = parts.faults.strike(operation);
  if (fault?.kind === 'hang') {
    await parts.faults.hang(request.socket);
    return null;
  }
  const error = fault && errorOf(fault, operation);
  if (error) return { status: error.status, body: { error: 'server_error' }, headers: error.headers };
  const url = new URL(request.url ?? '/', 'http://metadata');
  if (url.pathname === '/metadata/identity/oauth2/token') return fromMachine(parts, request, url);
  if (url.pathname === '/msi/token') return fromApp(parts, request, url);
  return { status: 404, body: { error: 'not_found' } };
}

function fromMachine({ identity }: MetadataParts, request: IncomingMessage, url: URL): TokenAnswer {
  if (request.headers['metadata'] !== 'true' || request.headers['x-forwarded-for'] !== undefined) {
    return refuse('invalid_request', 'Required metadata header not specified');
  }
  if (url.searchParams.get('api-version') !== '2018-02-01') return refuse('invalid_request', 'api-version');
  return tokenFrom(identity, url, (lifetime, now) => ({
    expires_in: String(lifetime),
    expires_on: String(now + lifetime),
    not_before: String(now),
    ext_expires_in: String(lifetime),
  }));
}

function fromApp({ identity, header }: MetadataParts, request: IncomingMessage, url: URL): TokenAnswer {
  if (request.headers['x-identity-header'] !== header) return { status: 401, body: { error: 'unauthorized' } };
  if (url.searchParams.get('api-version') !== '2019-08-01') return refuse('invalid_request', 'api-version');
  return tokenFrom(identity, url, (lifetime, now) => ({ expires_on: String(now + lifetime) }));
}

/** The answer with what the protocol says of the token's time; seconds. */
function tokenFrom(
  identity: Identity,
  url: URL,
  timesOf: (lifetime: number, now: number) => Record<string, string>,
): TokenAnswer {
  const clientId = url.searchParams.get('client_id');
  const resource = url.searchParams.get('resource') ?? '';
  const granted = identity.issueManagedToken(clientId, resource);
  if (granted === null) return refuse('invalid_request', 'Identity not found');
  const { token, lifetime, now } = granted;
  return { status: 200, body: { access_token: token, resource, token_type: 'Bearer', ...timesOf(lifetime, now) } };
}

function refuse(error: string, description: string): TokenAnswer {
  return { status: 400, body: { error, error_description: description } };
}
