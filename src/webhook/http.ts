import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Metrics } from '../metrics.ts';
import { createAnswers } from './answers.ts';
import type { Notify } from './notices.ts';
import { createReceive, type ReceiveOptions } from './receive.ts';

/** Go's clients, OpenBao among them, keep idle connections for 90 s; whoever closes first loses requests. */
const keepAliveMs = 120_000;
const headersMs = 125_000;
/** A body of 256 MiB on a slow line. */
const requestMs = 600_000;

/** How senders write the address; Express reads what is written otherwise (a query, `%20`, a slash at the end). */
const eventsPath = /^\/events(?:\/([\w.~-]+))?$/;

export interface HttpOptions extends Omit<ReceiveOptions, 'answers'> {
  /** Answers carry `Connection: close` once this says so. */
  readonly isClosing: () => boolean;
}

/**
 * The server of `/events`. Answers 200 with an empty body once the queue holds the jobs (or nobody wants any), 503 while
 * it cannot, 401 and 403 for the sender, 413 beyond the limits; never anything else for what a body holds, because log
 * shippers drop for good what they get another answer for.
 *
 * Events go past Express: its way to a route would be a quarter of what a request with one line costs.
 */
export function createHttpServer(options: HttpOptions): Server {
  const { metrics, notify } = options;
  const answers = createAnswers(options);
  const receive = createReceive({ ...options, answers });
  const fail = (error: unknown, response: ServerResponse): void => {
    if (response.headersSent) return;
    notify({ level: 'error', kind: 'http-bug', fields: { err: error }, message: 'a request failed' });
    answers.refuse(response, 'bug');
  };

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/events{/:vault}', (_request: Request, response: Response) => answers.answer(response, 200));
  app.post('/events{/:vault}', (request: Request<{ vault?: string }>, response: Response) =>
    receive(request, response, request.params.vault),
  );
  app.use((_request: Request, response: Response) => answers.answer(response, 404));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    // Express marks what is wrong with the address itself, e.g. `/events/%zz`.
    const isAddress = (error as { status?: unknown } | null)?.status === 400;
    if (isAddress && !response.headersSent) answers.answer(response, 404);
    else fail(error, response);
  });

  const server = createServer((request, response) => {
    const path = request.method === 'POST' ? eventsPath.exec(request.url ?? '') : null;
    if (path) receive(request, response, path[1]).catch((error: unknown) => fail(error, response));
    else app(request, response);
  });
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = headersMs;
  server.requestTimeout = requestMs;
  server.on('clientError', (error: ClientError, socket: Duplex) =>
    answerClientError({ error, socket, metrics, notify }),
  );
  return server;
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
