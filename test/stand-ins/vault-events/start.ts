import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, STATUS_CODES } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type WebSocket from 'ws';
import { WebSocketServer } from 'ws';
import { type Happening, notificationOf } from './notifications.ts';
import { mayHear, maySubscribe, type Subscription, type Token } from './policies.ts';

/**
 * What goes wrong, from now on: `sealed`, `unsupported` (a Vault without event notifications) and `silent` (no answer) meet those who
 * subscribe; `hang` freezes every connection, so that not even a ping is answered.
 */
export type Fault = 'sealed' | 'unsupported' | 'silent' | 'hang';

export interface VaultEventsOptions {
  readonly port?: number;
  /** By their text. */
  readonly tokens: Readonly<Record<string, Token>>;
  /** PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface VaultEvents {
  /** `http://127.0.0.1:port` or `https://localhost:port` */
  readonly address: string;
  /** Connections that hear. */
  readonly connections: number;
  /** Requests to subscribe so far, whatever became of them: token, path and query. */
  readonly requests: readonly { readonly token: string; readonly url: string; readonly namespace: string }[];
  /** Sends what happened to all who want and may hear it; how many these are. */
  happen(happening: Happening): number;
  /** Sends any text to all. */
  send(text: string): void;
  /** Ends every connection, as a failover does. */
  drop(): void;
  fault(fault: Fault | null): void;
  /** From now on; connections of tokens that are gone end. */
  setTokens(tokens: Readonly<Record<string, Token>>): void;
  /** Sends subscribers on to another node, as a standby does; null = is the active node. */
  standBy(activeAddress: string | null): void;
  stop(): Promise<void>;
}

interface Listener {
  readonly socket: WebSocket;
  readonly raw: Duplex;
  readonly token: string;
  readonly wanted: Subscription;
}

/** Starts a stand-in for the event notifications of a Vault Enterprise on loopback, in this process. */
export async function startVaultEvents(options: VaultEventsOptions): Promise<VaultEvents> {
  let { tokens } = options;
  let fault: Fault | null = null;
  let active: string | null = null;
  const listeners = new Set<Listener>();
  const sockets = new Set<Socket>();
  const requests: { token: string; url: string; namespace: string }[] = [];
  const upgrades = new WebSocketServer({ noServer: true });
  const answer: RequestListener = (_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[]}');
  };
  const server = options.tls ? createHttpsServer(options.tls, answer) : createHttpServer(answer);

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? '', 'http://stand-in');
    const token = headerOf(request, 'x-vault-token');
    const namespace = headerOf(request, 'x-vault-namespace').replace(/^\/|\/$/g, '');
    requests.push({ token, url: request.url ?? '', namespace });
    const kinds = /^\/v1\/sys\/events\/subscribe\/(.+)$/.exec(decodeURIComponent(url.pathname))?.[1];
    const known = tokens[token];
    if (fault === 'silent') return;
    if (fault === 'sealed') return refuse(raw, 503, 'Vault is sealed');
    if (fault === 'unsupported' || kinds === undefined) return refuse(raw, 404, '');
    if (active !== null) return redirect(raw, `${active}${request.url}`);
    const wanted = { kinds, namespace, below: url.searchParams.getAll('namespaces') };
    if (!known || !maySubscribe(known, wanted)) return refuse(raw, 403, 'permission denied');
    if (url.searchParams.get('json') !== 'true') return refuse(raw, 400, 'the stand-in speaks JSON only');
    upgrades.handleUpgrade(request, raw, head, (socket) => {
      const listener = { socket, raw, token, wanted };
      listeners.add(listener);
      socket.on('error', () => undefined).on('close', () => listeners.delete(listener));
      if (fault === 'hang') raw.pause();
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    address: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    get connections() {
      return listeners.size;
    },
    requests,
    happen(happening) {
      const notification = notificationOf(happening);
      const hearing = [...listeners].filter(({ token, wanted }) => {
        const known = tokens[token];
        return known !== undefined && mayHear(known, wanted, notification);
      });
      for (const { socket } of hearing) socket.send(JSON.stringify(notification));
      return hearing.length;
    },
    send(text) {
      for (const { socket } of listeners) socket.send(text);
    },
    drop() {
      for (const { socket } of listeners) socket.terminate();
    },
    fault(next) {
      fault = next;
      for (const { raw } of listeners) {
        if (fault === 'hang') raw.pause();
        else raw.resume();
      }
    },
    setTokens(next) {
      tokens = next;
      for (const { socket, token } of listeners) if (!(token in tokens)) socket.close(1008);
    },
    standBy(address) {
      active = address;
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

function refuse(raw: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ errors: message === '' ? [] : [message] });
  raw.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function redirect(raw: Duplex, location: string): void {
  raw.end(`HTTP/1.1 307 Temporary Redirect\r\nLocation: ${location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}
