import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { status } from '@grpc/grpc-js';
import { neverIdle } from '../../peers/forward.ts';
import { fromJson, type Messages, memberFromJson, messagesIn, toJson } from './json.ts';
import type { Operation } from './permissions.ts';
import { type Answer, loadDefinitions, methodName, OPERATIONS, serviceName } from './service.ts';
import { invalidArgument, type StatusError } from './status.ts';

/** HTTP statuses of gRPC codes: https://cloud.google.com/apis/design/errors (google/rpc/code.proto). */
const httpStatuses: Partial<Record<status, number>> = {
  [status.OK]: 200,
  [status.CANCELLED]: 499,
  [status.INVALID_ARGUMENT]: 400,
  [status.FAILED_PRECONDITION]: 400,
  [status.OUT_OF_RANGE]: 400,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.ABORTED]: 409,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
  [status.DEADLINE_EXCEEDED]: 504,
};

/** `google.api.http` of a method. */
interface HttpRule {
  readonly get?: string;
  readonly post?: string;
  readonly patch?: string;
  readonly delete?: string;
  readonly body?: string;
  readonly additional_bindings?: HttpRule | readonly HttpRule[];
}

interface Method {
  readonly requestType: { readonly type: { readonly name: string } };
  readonly responseType: { readonly type: { readonly name: string } };
  readonly options: { readonly '(google.api.http)': HttpRule };
  requestSerialize(request: object): Buffer;
  requestDeserialize(bytes: Buffer): object;
}

interface Route {
  readonly operation: Operation;
  readonly verb: string;
  readonly path: RegExp;
  /** Fields that the path holds, e.g. `secret.name`. */
  readonly fields: readonly string[];
  /** '*' = the whole request, '' = none. */
  readonly body: string;
  readonly method: Method;
}

/** The service's REST interface, by the rules that its definition states; without TLS. */
export function createRest(answer: Answer): Server {
  const definitions = loadDefinitions();
  const messages = messagesIn(definitions);
  const service = definitions[serviceName] as unknown as Record<string, Method>;
  const routes = OPERATIONS.flatMap((operation) => routesOf(operation, service[methodName(operation)] as Method));
  return createServer(neverIdle, (request, response) => {
    respond({ request, response, routes, messages, answer }).catch((error: StatusError) => refuse(response, error));
  });
}

function routesOf(operation: Operation, method: Method): Route[] {
  const rule = method.options['(google.api.http)'];
  return [rule, ...[rule.additional_bindings ?? []].flat()].map(({ get, post, patch, delete: remove, body = '' }) => {
    const template = get ?? post ?? patch ?? remove ?? '';
    const fields = [...template.matchAll(/\{([a-z_.]+)=/g)].map(([, field = '']) => field);
    const path = template.replaceAll('*', '[^/:]+').replace(/\{[a-z_.]+=([^}]*)\}/g, '($1)');
    const verb = get ? 'GET' : post ? 'POST' : patch ? 'PATCH' : 'DELETE';
    return { operation, verb, path: new RegExp(`^${path}$`), fields, body, method };
  });
}

async function respond(options: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly routes: readonly Route[];
  readonly messages: Messages;
  readonly answer: Answer;
}): Promise<void> {
  const { request, response, routes, messages, answer } = options;
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const route = routes.find(({ verb, path }) => verb === request.method && path.test(pathname));
  if (!route) {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<p>The requested URL was not found on this server.');
    return;
  }
  const given = messageOf(route, { pathname, searchParams, body: await buffer(request), messages });
  const answered = answer({
    operation: route.operation,
    // Through the wire's own form, which fills in what was left out.
    request: route.method.requestDeserialize(route.method.requestSerialize(given)),
    authorization: request.headers.authorization ?? '',
    onCancelled: (gone) => void response.once('close', gone),
  });
  if (answered === null) return;
  const numericEnums = searchParams.get('$alt')?.includes('enum-encoding=int') ?? false;
  const type = route.method.responseType.type.name;
  const json = type === 'Empty' ? {} : toJson(answered, fullName(type), { messages, numericEnums });
  send(response, 200, json);
}

function messageOf(
  { fields, path, body: bodyField, method }: Route,
  given: { pathname: string; searchParams: URLSearchParams; body: Buffer; messages: Messages },
): object {
  const { pathname, searchParams, body, messages } = given;
  const type = fullName(method.requestType.type.name);
  const query = [...searchParams].filter(([key]) => !key.startsWith('$'));
  const message: Record<string, unknown> = Object.fromEntries(
    query.map(([key, value]) => memberFromJson({ key, value, type, messages, where: '' })),
  );
  if (bodyField === '*') Object.assign(message, fromJson(parse(body), type, messages));
  else if (bodyField !== '') Object.assign(message, fromJson({ [bodyField]: parse(body) }, type, messages));
  else if (body.length > 0) throw invalidArgument('A body is not expected here.');
  const values = path.exec(pathname)?.slice(1).map(decodeURIComponent) ?? [];
  fields.forEach((field, index) => {
    const [outer = '', inner] = field.split('.');
    if (inner === undefined) message[outer] = values[index];
    else message[outer] = { ...(message[outer] as object), [inner]: values[index] };
  });
  return message;
}

function fullName(name: string): string {
  return `google.cloud.secretmanager.v1.${name}`;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw invalidArgument('Invalid JSON payload received.');
  }
}

function refuse(response: ServerResponse, { code, message, details }: StatusError): void {
  const http = httpStatuses[code] ?? 500;
  const told = details?.length > 0 ? { details } : {};
  send(response, http, { error: { code: http, message, status: status[code] ?? 'INTERNAL', ...told } });
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body));
}
