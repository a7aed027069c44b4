import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Clock } from '../clock.ts';
import { failureOf, refusalOf } from './refusals.ts';

/** A notification has some 1 KiB; paths can have 32. */
const maxMessageBytes = 1024 * 1024;
/** Longest time until Vault has answered the request to subscribe, redirects included. */
const openWithinMs = 10_000;
/** A standby sends us on to the active node. */
const maxRedirects = 3;

export interface ConnectionOptions {
  /** `https://host:port` */
  readonly address: string;
  readonly token: string;
  /** Where the token was made; left out: the root namespace. */
  readonly namespace?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  /** Called once when the subscription stands. */
  readonly opened: () => void;
  readonly heard: (text: string) => void;
  /** A message that was too long to be read; it ends the connection. */
  readonly overlong: () => void;
  /** Vault has shown a sign of life. */
  readonly alive: () => void;
}

/** One subscription to all notifications of the KV engine, from the first request to its end. */
export interface Connection {
  /** Resolves once it is over, to the reason, in words that end a sentence. */
  readonly ended: Promise<string>;
  /** Asks for a sign of life. */
  ping(): void;
  /** `reason`: what `ended` resolves to. */
  end(reason: string): void;
}

/** Connects and subscribes. Never throws or rejects: whatever goes wrong ends the connection. */
export function connect(options: ConnectionOptions): Connection {
  const { clock } = options;
  let socket: WebSocket | null = null;
  let isOpen = false;
  let closed = false;
  let reason: string | null = null;
  let finish: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    finish = resolve;
  });

  const attempt = (url: string, redirects: number): void => {
    let current: WebSocket;
    try {
      current = open(url, options);
    } catch (error) {
      // What Node refuses to send in a header.
      cancel();
      finish(failureOf(error));
      return;
    }
    socket = current;
    let next: string | null = null;
    current.on('open', () => {
      isOpen = true;
      cancel();
      options.opened();
    });
    current.on('message', (data: Buffer) => {
      options.alive();
      options.heard(data.toString('utf8'));
    });
    current.on('ping', options.alive);
    current.on('pong', options.alive);
    current.on('unexpected-response', (_request: unknown, response: IncomingMessage) => {
      const { statusCode = 0, headers } = response;
      if (statusCode === 307) next = nextUrl(url, headers.location);
      reason = statusCode === 307 ? 'it redirects to nowhere, too often, or from https to http' : refusalOf(statusCode);
      current.terminate();
    });
    current.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
        reason ??= `a message was longer than ${maxMessageBytes} bytes`;
        options.overlong();
      }
      reason ??= isOpen ? 'the connection broke' : failureOf(error);
    });
    current.on('close', (code: number) => {
      if (next !== null && redirects < maxRedirects && !closed) {
        reason = null;
        attempt(next, redirects + 1);
        return;
      }
      cancel();
      finish(reason ?? `it closed the connection (${code})`);
    });
  };

  const cancel = clock.after(openWithinMs, () => {
    closed = true;
    socket?.terminate();
  });
  attempt(firstUrl(options), 0);
  return {
    ended,
    ping() {
      if (isOpen) socket?.ping();
    },
    end(why) {
      reason ??= why;
      closed = true;
      socket?.terminate();
    },
  };
}

function open(url: string, { token, namespace, ca }: ConnectionOptions): WebSocket {
  return new WebSocket(url, {
    headers: { 'X-Vault-Token': token, ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }) },
    ...(ca === undefined ? {} : { ca }),
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
  });
}

/** Of the namespace of the token and of all below it: every Vault Enterprise has them. */
function firstUrl({ address }: ConnectionOptions): string {
  const base = address.replace(/^http/, 'ws').replace(/\/$/, '');
  return `${base}/v1/sys/events/subscribe/kv*?json=true&namespaces=*`;
}

/** Where a redirect leads; null for one that would show the token to whoever listens on the way, or that leads nowhere. */
function nextUrl(from: string, location: string | undefined): string | null {
  const url = location === undefined ? null : URL.parse(location, from.replace(/^ws/, 'http'));
  if (!url) return null;
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return url.protocol === 'wss:' || (url.protocol === 'ws:' && from.startsWith('ws:')) ? url.href : null;
}
