import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { neverIdle } from '../../peers/forward.ts';
import type { Callers } from './callers.ts';
import { FAULT_KINDS, type Fault, type FaultSwitch } from './faults.ts';
import { PERMISSIONS } from './permissions.ts';
import type { Secret } from './resources.ts';
import { METHODS, type RequestRecord } from './service.ts';
import type { Settling } from './settling.ts';
import type { Store } from './store.ts';
import type { WireReplication } from './wire.ts';

export interface AdminOptions {
  readonly store: Store;
  readonly settling: Settling;
  readonly faults: FaultSwitch;
  readonly requests: RequestRecord[];
  /** Calls that hang. */
  readonly hanging: ReadonlySet<object>;
  /** What callers may do; the routes change it. */
  readonly permissions: { allowed: readonly string[] };
  /** Who is let in; null = everybody. The routes change it. */
  readonly callers: { known: Callers | null };
  handshakes(): number;
}

/** One secret as the list view shows it: everything but payloads. */
export interface SecretView {
  readonly project: string;
  /** Null = global. */
  readonly location: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly replication: WireReplication | null;
  /** Of a regional secret. */
  readonly kmsKeyName: string | null;
  readonly topics: readonly string[];
  /** ISO 8601; null = never. */
  readonly expireTime: string | null;
  /** Seconds; null = at once. */
  readonly versionDestroyTtl: number | null;
  readonly versionAliases: Readonly<Record<string, string>>;
  readonly versions: readonly {
    readonly number: number;
    readonly state: string;
    readonly createTime: string;
    readonly bytes: number;
  }[];
}

const ROUTES = `GET    /secrets                          every secret with its labels, annotations and versions, without payloads
GET    /secrets/PROJECT/NAME/payload     the bytes of the newest version, whatever its state
PUT    /permissions                      ["secretmanager.secrets.get", …]: what callers may do from now on; null = everything
PUT    /callers                          {"tokens": ["…"], "keys": {"a@b.iam.gserviceaccount.com": "PEM"}}: who is let in; null = everybody
PUT    /settling                         {"ms": 5000}: how long after a write lists and \`latest\` show what was there before
POST   /settled                          everything written so far is to be seen from now on
GET    /handshakes                       TLS handshakes so far, as a number
GET    /requests                         calls so far: method, resource, status, time
DELETE /requests                         forgets them
GET    /hanging                          how many calls hang, and their callers have not given up
GET    /faults                           faults that are switched on
POST   /faults                           {"kind": "${FAULT_KINDS.join('|')}", "method": "AddSecretVersion", "count": 2}
DELETE /faults                           switches all off
`;

/** The port for people and tests, beside the store's own; it has no counterpart in the real service. */
export function createAdmin(options: AdminOptions): Server {
  return createServer(neverIdle, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      respond(response, 400, { error: error instanceof Error ? error.message : 'bad request' });
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { store, settling, faults, requests, hanging, permissions, callers, handshakes }: AdminOptions,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const payload = /^\/secrets\/([^/]+)\/([^/]+)\/payload$/.exec(pathname);
  const route = `${request.method} ${payload ? '/payload' : pathname}`;
  switch (route) {
    case 'GET /':
      response.end(ROUTES);
      return;
    case 'GET /secrets':
      respond(response, 200, store.contents().map(viewOf));
      return;
    case 'GET /payload': {
      const secret = store
        .contents()
        .find(({ project, id }) => id === payload?.[2] && [project.id, project.number].includes(payload?.[1] ?? ''));
      const data = secret?.versions.at(-1)?.data;
      if (!data) respond(response, 404, { error: 'no such secret, or no payload in its newest version' });
      else response.setHeader('content-type', 'application/octet-stream').end(data);
      return;
    }
    case 'PUT /permissions':
      permissions.allowed = parsePermissions(await readBody(request));
      respond(response, 200, permissions.allowed);
      return;
    case 'PUT /callers':
      callers.known = JSON.parse(await readBody(request)) as Callers | null;
      respond(response, 200, {});
      return;
    case 'PUT /settling': {
      const { ms } = JSON.parse(await readBody(request)) as { ms?: unknown };
      if (!Number.isSafeInteger(ms) || Number(ms) < 0) throw new Error('ms must be a whole number');
      settling.setMs(Number(ms));
      respond(response, 200, {});
      return;
    }
    case 'POST /settled':
      settling.settle();
      respond(response, 200, {});
      return;
    case 'GET /handshakes':
      respond(response, 200, handshakes());
      return;
    case 'GET /requests':
      respond(response, 200, requests);
      return;
    case 'DELETE /requests':
      requests.length = 0;
      respond(response, 200, requests);
      return;
    case 'GET /hanging':
      respond(response, 200, hanging.size);
      return;
    case 'GET /faults':
      respond(response, 200, faults.active());
      return;
    case 'POST /faults':
      faults.add(parseFault(await readBody(request)));
      respond(response, 200, faults.active());
      return;
    case 'DELETE /faults':
      faults.clear();
      respond(response, 200, []);
      return;
    default:
      respond(response, 404, { error: `no route ${route}; GET / lists them` });
  }
}

function parsePermissions(body: string): readonly string[] {
  const known: readonly string[] = Object.values(PERMISSIONS);
  const wanted = (JSON.parse(body) as readonly string[] | null) ?? known;
  const unknown = wanted.filter((permission) => !known.includes(permission));
  if (unknown.length > 0) throw new Error(`unknown permissions: ${unknown.join(', ')}`);
  return wanted;
}

function parseFault(body: string): Fault {
  const { kind, method, count, after } = JSON.parse(body) as Partial<Fault>;
  if (kind === undefined || !FAULT_KINDS.includes(kind))
    throw new Error(`kind must be one of ${FAULT_KINDS.join(', ')}`);
  if (method !== undefined && !METHODS.includes(method)) throw new Error(`method must be one of ${METHODS.join(', ')}`);
  if (count !== undefined && !(Number.isInteger(count) && count > 0))
    throw new Error('count must be a positive integer');
  if (after !== undefined && !(Number.isInteger(after) && after >= 0)) throw new Error('after must be a whole number');
  return {
    kind,
    ...(method === undefined ? {} : { method }),
    ...(count === undefined ? {} : { count }),
    ...(after === undefined ? {} : { after }),
  };
}

function viewOf(secret: Secret): SecretView {
  const versions = secret.versions.map(({ number, state, createTime, data }) => ({
    number,
    state,
    createTime: createTime.toISOString(),
    bytes: data?.length ?? 0,
  }));
  const { location, labels, annotations, replication, kmsKeyName, topics, versionAliases } = secret;
  return {
    project: secret.project.id,
    location,
    name: secret.id,
    labels,
    annotations,
    replication,
    kmsKeyName,
    topics,
    expireTime: secret.expireTime?.toISOString() ?? null,
    versionDestroyTtl: secret.versionDestroyTtl ? Number(secret.versionDestroyTtl.seconds) : null,
    versionAliases,
    versions,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function respond(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}
