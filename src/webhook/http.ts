import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Metrics } from '../metrics.ts';
import { createAnswers } from './answers.ts';
import type { Certificates } from './certificates.ts';
import type { Clock } from './clock.ts';
import { limitConnections } from './connection-limits.ts';
import { isCollector } from './dialects.ts';
import type { Notify } from './notices.ts';
import { createReceive, type ReceiveOptions } from './receive.ts';
import { createSenderLimits } from './sender-limits.ts';

/** Go's clients, OpenBao among them, keep idle connections for 90 s; whoever closes first loses requests. */
const keepAliveMs = 120_000;
/** How often it is looked whether a header or a body takes too long, at most. */
const maxLookMs = 5_000;

/** What most senders post to: known without a look at its parts. */
const plainPath = '/events';
/** How senders write the address; Express reads what is written otherwise (a query, `%20`, a slash at the end). */
const eventsPath = /^\/events(?:\/([\w.~-]+))?$/;

export interface HttpOptions extends Omit<ReceiveOptions, 'answers' | 'senderLimits' | 'fail'> {
  readonly clock: Clock;
  readonly tls: HttpTls | null;
  /** Answers carry `Connection: close` once this says so. */
  readonly isClosing: () => boolean;
}

/** `clients`: whether senders are asked for a certificate, and whether TLS ends without one. */
export interface HttpTls {
  readonly certificates: Certificates;
  readonly clients: 'none' | 'asked' | 'required';
}

export interface HttpListener {
  readonly server: Server | TlsServer;
  endConnections(): void;
}

/**
 * The server of `/events`. Answers 200 with an empty body once the queue holds the jobs (or nobody wants any), 503 while
 * it cannot, 401 and 403 for the sender, 413 beyond the limits; never anything else for what a body holds, because log
 * shippers drop for good what they get another answer for.
 *
 * Events go past Express: its way to a route would be a quarter of what a request with one line costs.
 */
export function createHttpListener(options: HttpOptions): HttpListener {
  const { limits, metrics, notify } = options;
  const answers = createAnswers(options);
  const fail = (error: unknown, response: ServerResponse): void => {
    if (response.headersSent) return;
    notify({ level: 'error', kind: 'http-bug', fields: { err: error }, message: 'a request failed' });
    answers.refuse(response, 'bug');
  };
  const receive = createReceive({ ...options, answers, senderLimits: createSenderLimits(options), fail });

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/events{/:vault}', (_request: Request, response: Response) => answers.turnAway(response, 200));
  // How senders to a Splunk HEC ask whether it is there.
  app.get('/services/collector/health{/:version}', (_request: Request, response: Response) =>
    answers.turnAway(response, 200),
  );
  app.options('/services/collector{/*rest}', (_request: Request, response: Response) =>
    answers.turnAway(response, 200),
  );
  app.post('/events{/:vault}', (request: Request<{ vault?: string }>, response: Response) =>
    receive(request, response, request.params.vault),
  );
  app.use((_request: Request, response: Response) => answers.turnAway(response, 404));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    // Express marks what is wrong with the address itself, e.g. `/events/%zz`.
    const isAddress = (error as { status?: unknown } | null)?.status === 400;
    if (isAddress && !response.headersSent) answers.turnAway(response, 404);
    else fail(error, response);
  });

  const listener: RequestListener = (request, response) => {
    const { method, url = '' } = request;
    const path = method === 'POST' && url !== plainPath ? eventsPath.exec(url) : null;
    const isEvents = method === 'POST' && (url === plainPath || path !== null || isCollector(url));
    if (!isEvents) {
      app(request, response);
      return;
    }
    try {
      receive(request, response, path?.[1]);
    } catch (error) {
      fail(error, response);
    }
  };
  const server = createListener({
    tls: options.tls,
    listener,
    server: {
      keepAliveTimeout: keepAliveMs,
      headersTimeout: limits.headerMs,
      requestTimeout: Math.max(limits.requestMs, limits.headerMs),
      connectionsCheckingInterval: Math.min(maxLookMs, limits.headerMs),
    },
  });
  // Who asks first is told to send its body only once it is known who asks.
  server.on('checkContinue', listener);
  const endConnections = limitConnections({ server, limits, metrics, notify });
  server.on('clientError', (error: ClientError, socket: Duplex) =>
    answerClientError({ error, socket, metrics, notify }),
  );
  return { server, endConnections };
}

function createListener(options: {
  readonly tls: HttpTls | null;
  readonly listener: RequestListener;
  readonly server: ServerOptions;
}): Server | TlsServer {
  const { tls, listener, server } = options;
  if (tls === null) return createServer(server, listener);
  const { certificates, clients } = tls;
  const created = createTlsServer(
    {
      ...server,
      ...certificates.current(),
      handshakeTimeout: server.headersTimeout ?? maxLookMs,
      requestCert: clients !== 'none',
      rejectUnauthorized: clients === 'required',
    },
    listener,
  );
  certificates.renew(created);
  return created;
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
  const isHttp = error.code?.startsWith('HPE_') || error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  if (!isHttp && socket instanceof TLSSocket) {
    metrics.ingestRefused.inc({ reason: 'tls' });
    notify({
      level: 'warn',
      kind: 'tls',
      fields: { from: socket.remoteAddress, code: error.code },
      message:
        'a connection ended before TLS was agreed on: plain HTTP, a sender that does not trust our certificate, or one without a certificate of an authority in webhook.http.tls.clientCaFile',
    });
  }
  if (!isHttp || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
  // Destroyed, for a sender that never reads would keep half of it open.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
