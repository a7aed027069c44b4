import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express, { type NextFunction, type Request, type Response } from 'express';
import { SyncError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { AuditReader } from './audit/reader.ts';
import { BodyProblem, readBody } from './body.ts';
import type { Authenticate } from './credentials.ts';
import type { Ingest, Intake } from './ingest.ts';
import type { Notify } from './notices.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';
import type { WebhookLimits } from './settings.ts';
import type { Claims, WhichVault } from './which-vault.ts';

/** Go's clients, OpenBao among them, keep idle connections for 90 s; whoever closes first loses requests. */
const keepAliveMs = 120_000;
const headersMs = 125_000;
/** A body of 256 MiB on a slow line. */
const requestMs = 600_000;
const retryAfterSeconds = '2';
/** Jobs gathered from one body before they are handed to the queue. */
const maxGathered = 10_000;

export interface HttpOptions {
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly authenticate: Authenticate;
  readonly whichVault: (claims: Claims) => WhichVault;
  readonly limits: WebhookLimits;
  readonly metrics: Metrics;
  readonly notify: Notify;
  /** Answers carry `Connection: close` once this says so. */
  readonly isClosing: () => boolean;
}

/**
 * The server of `/events`. Answers 200 with an empty body once the queue holds the jobs (or nobody wants any), 503 while
 * it cannot, 401 and 403 for the sender, 413 beyond the limits; never anything else for what a body holds, because log
 * shippers drop for good what they get another answer for.
 */
export function createHttpServer(options: HttpOptions): Server {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const { isClosing, metrics, notify } = options;
  app.get('/events{/:vault}', (_request: Request, response: Response) => {
    answer({ response, isClosing }, 200);
  });
  app.post('/events{/:vault}', async (request: Request<{ vault?: string }>, response: Response) => {
    await receiveEvents({ ...options, request, response, vaultInPath: request.params.vault });
  });
  app.use((_request: Request, response: Response) => {
    answer({ response, isClosing }, 404);
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    if (response.headersSent) return;
    // Express marks what is wrong with the address itself, e.g. `/events/%zz`.
    if ((error as { status?: unknown } | null)?.status === 400) {
      answer({ response, isClosing }, 404);
      return;
    }
    notify({ level: 'error', kind: 'http-bug', fields: { err: error }, message: 'a request failed' });
    refuse({ response, isClosing, metrics }, 'bug');
  });

  const server = createServer(app);
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = headersMs;
  server.requestTimeout = requestMs;
  server.on('clientError', (error: ClientError, socket: Duplex) =>
    answerClientError({ error, socket, metrics, notify }),
  );
  return server;
}

interface Received extends HttpOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly vaultInPath: string | undefined;
}

async function receiveEvents(received: Received): Promise<void> {
  const { request, response, metrics, notify, ingest, requests, limits } = received;
  const sender = received.authenticate(request.headers);
  if (!sender) {
    metrics.ingestRefused.inc({ reason: 'unauthorized' });
    notify({
      level: 'warn',
      kind: 'unauthorized',
      fields: { from: request.socket.remoteAddress },
      message: 'events refused: no valid token; what this sender reports is lost until it sends one of webhook.tokens',
    });
    response.setHeader('WWW-Authenticate', 'Bearer');
    answer(received, 401);
    return;
  }
  const tenant = request.headers['x-vault-tenant'];
  const which = received.whichVault({
    path: received.vaultInPath,
    sender,
    tenant: typeof tenant === 'string' ? tenant : undefined,
  });
  if ('refused' in which) {
    refuseVault(which.refused, received);
    return;
  }

  const intake = ingest.open(which.vault);
  let problem: BodyProblem['kind'] | null;
  try {
    problem = await readInto(intake, request, limits);
    await intake.commit();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    requests.ask(which.vault, 'refused');
    refuse(received, 'queue');
    return;
  }
  switch (problem) {
    case 'tooLarge':
      metrics.ingestRefused.inc({ reason: 'tooLarge' });
      notify({
        level: 'warn',
        kind: 'too-large',
        fields: { vault: which.vault },
        message: 'a body was not read to its end, for it is beyond webhook.maxBodyBytes: let the sender batch less',
      });
      requests.ask(which.vault, 'tooLarge');
      response.setHeader('Connection', 'close');
      answer(received, 413);
      return;
    case 'aborted':
      metrics.ingestRefused.inc({ reason: 'aborted' });
      response.destroy();
      return;
    case 'encoding':
      notify({
        level: 'warn',
        kind: 'encoding',
        fields: { vault: which.vault },
        message:
          'a body cannot be decompressed, and is lost: it is damaged, or let the sender use gzip, deflate, br, zstd or none',
      });
      answer(received, 200);
      return;
    case null:
      answer(received, 200);
      return;
    default: {
      const never: never = problem;
      return never;
    }
  }
}

/**
 * Reads the body piece by piece; null when it was read to its end.
 * @throws SyncError `Retry` when the queue does not take what was gathered so far
 */
async function readInto(
  intake: Intake,
  request: IncomingMessage,
  limits: WebhookLimits,
): Promise<BodyProblem['kind'] | null> {
  const reader = new AuditReader({ maxRecordBytes: limits.maxLineBytes, prefilter: true, sink: intake });
  try {
    for await (const chunk of readBody(request, limits)) {
      reader.push(chunk);
      if (intake.size >= maxGathered) await intake.commit();
    }
  } catch (error) {
    if (!(error instanceof BodyProblem)) throw error;
    if (error.kind === 'encoding') reader.malformed('BadEncoding');
    return error.kind;
  }
  reader.end();
  return null;
}

function refuseVault(why: 'forbidden' | 'unknown', received: Received): void {
  const { metrics, notify, request } = received;
  const from = request.socket.remoteAddress;
  if (why === 'forbidden') {
    metrics.ingestRefused.inc({ reason: 'forbidden' });
    notify({
      level: 'warn',
      kind: 'forbidden',
      fields: { from },
      message: 'events refused: the token is for one Vault, the path or the header X-Vault-Tenant names another',
    });
    answer(received, 403);
    return;
  }
  metrics.ingestRefused.inc({ reason: 'unknownVault' });
  notify({
    level: 'warn',
    kind: 'unknown-vault',
    fields: { from },
    message:
      'events dropped: they do not tell which Vault they come from; send them to /events/<name of the Vault>, or with the header X-Vault-Tenant: <its address>',
  });
  answer(received, 200);
}

type Answerable = Pick<Received, 'response' | 'isClosing'>;

/** Empty bodies: OpenBao does not read ours, and a connection with an unread body cannot be used again. */
function answer({ response, isClosing }: Answerable, status: number): void {
  response.statusCode = status;
  response.setHeader('Content-Length', '0');
  if (isClosing()) response.setHeader('Connection', 'close');
  response.end();
}

/** 503 is the one answer that every sender comes back after. */
function refuse(answerable: Answerable & Pick<Received, 'metrics'>, reason: 'queue' | 'bug'): void {
  answerable.metrics.ingestRefused.inc({ reason });
  answerable.response.setHeader('Retry-After', retryAfterSeconds);
  answer(answerable, 503);
}

interface ClientError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Bytes that are no HTTP. Vault's socket device, pointed here, would go on for ever without noticing. */
function answerClientError(options: {
  readonly error: ClientError;
  readonly socket: Duplex;
  readonly metrics: Metrics;
  readonly notify: Notify;
}): void {
  const { error, socket, metrics, notify } = options;
  if (error.rawPacket?.[0] === '{'.charCodeAt(0)) {
    metrics.ingestRefused.inc({ reason: 'wrongPort' });
    notify({
      level: 'error',
      kind: 'wrong-port',
      message:
        "a JSON line arrived where HTTP is spoken, and is lost: Vault's socket audit device must be pointed at a listener of webhook.tcp",
    });
  }
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
  // Destroyed, for a sender that never reads would keep half of it open.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
