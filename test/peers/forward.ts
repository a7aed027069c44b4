import { once } from 'node:events';
import {
  type Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
} from 'node:http';

/** A loopback HTTP server that is not Node's `Server`: what both proxies hand out. */
export interface LoopbackServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  stop(): Promise<void>;
}

/**
 * For servers that a machine without time for us stops for seconds: one that ends idle connections meanwhile does so while
 * the next request is on its way.
 */
export const neverIdle = { keepAliveTimeout: 0 };

export async function listenOnLoopback(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(neverIdle, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface ForwardOptions {
  /** `http://host:port` */
  upstream: string;
  agent: Agent;
  /** Path and query to ask for; the request's own unless said. */
  path?: string;
  /** Names in lower case, taken out of what is sent on. */
  withoutHeaders?: readonly string[];
}

/** Sends the request on as it came and reads the whole answer. Bodies of peers are small: none is streamed back. */
export async function forward(incoming: IncomingMessage, options: ForwardOptions): Promise<Answer> {
  const headers = { ...incoming.headers };
  for (const name of options.withoutHeaders ?? []) delete headers[name];
  const outgoing = request(new URL(options.upstream), {
    agent: options.agent,
    method: incoming.method ?? 'GET',
    path: options.path ?? incoming.url ?? '/',
    headers,
  });
  incoming.pipe(outgoing);
  incoming.once('error', () => outgoing.destroy());
  const [answer]: [IncomingMessage] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) };
}

/** Headers of an answer that go with its body; those that belong to one connection stay behind. */
export function endToEndHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _connection, 'keep-alive': _keepAlive, 'transfer-encoding': _encoding, ...rest } = headers;
  return rest;
}
