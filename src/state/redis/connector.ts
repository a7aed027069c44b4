import type { Socket } from 'node:net';
import { findPrimary } from './primary.ts';
import { type Address, addressOf, credentialsOf, type RedisServer, usesTls } from './server.ts';
import { openSocket, StreamConnector } from './stream.ts';

/** How often a connection asks whether it still leads to the primary, in milliseconds. */
const askEveryMs = 10_000;

/** What ioredis is told to connect with: each connection finds the server anew, with the credentials and certificates that hold by then. */
export function connectorTo(server: RedisServer) {
  const { url } = server;
  return class Connector extends StreamConnector {
    /** `options`: the client's own, where ioredis looks for the credentials before it connects. */
    constructor(options: unknown) {
      super();
      const read = (what: 'username' | 'password') => ({
        get: () => credentialsOf(server)[what],
        enumerable: true,
        configurable: true,
      });
      Object.defineProperties(options, { username: read('username'), password: read('password') });
    }

    protected override async open(signal: AbortSignal): Promise<Socket> {
      const address = url === undefined ? await findPrimary(server, signal) : addressOf(url);
      const stream = openSocket(address, usesTls(server) ? (server.tls?.() ?? {}) : null);
      if (url === undefined) leaveWhenElsewhere(stream, { server, address });
      return stream;
    }

    /** A Sentinel or a node may still name a server that has become a replica. `info`: what the server says of itself. */
    override check(info: { readonly role?: string }): boolean {
      return url !== undefined || info.role !== 'slave';
    }
  };
}

/** Ends a connection to a primary that was cut off and replaced: what it still takes is lost with it. */
function leaveWhenElsewhere(stream: Socket, { server, address }: { server: RedisServer; address: Address }): void {
  const over = new AbortController();
  const timer = setInterval(async () => {
    const primary = await findPrimary(server, over.signal).catch(() => address);
    if (primary.host === address.host && primary.port === address.port) return;
    stream.destroy(new Error(`the primary is now ${primary.host}:${primary.port}`));
  }, askEveryMs);
  timer.unref();
  stream.once('close', () => {
    clearInterval(timer);
    over.abort();
  });
}
