import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Certificates } from '../certificates.ts';
import { createFeed, type FeedOptions } from './feed.ts';
import { FramedReader } from './framed-reader.ts';

/** A silent peer is asked whether it is still there after this long (ms), and given up 10 s later. */
const askSilentAfterMs = 60_000;
const handshakeWithinMs = 10_000;
/** Half lines are kept for the longest line twice, however many connections send them; for short lines, this twice. */
const leastHeldBytes = 1024 * 1024;

export interface StreamOptions extends FeedOptions {
  readonly isAllowed: (address: string) => boolean;
  /** Null: no TLS. With `clientCaFile` among its files, senders must present a certificate. */
  readonly certificates: Certificates | null;
  readonly clientCertificates: boolean;
  readonly maxConnections: number;
  readonly maxLineBytes: number;
}

export interface StreamIntake {
  readonly server: Server;
  /** Ends every connection and hands in what was gathered, as far as the queue takes it. */
  close(): Promise<void>;
}

interface Connection {
  readonly reader: FramedReader;
  heldBytes: number;
}

/**
 * Takes the lines of Vault's `socket` audit device (`tcp` and `unix`), or of a relay. Vault holds a lock while it writes,
 * so reading never pauses, whatever the queue does: a piece is read, judged, and forgotten before the next one. And Vault
 * never learns what became of a line, so each connection that speaks means that lines may be lost: those on their way over
 * the one before, be it to this webhook or to another that was stopped.
 */
export function createStreamIntake(options: StreamOptions): StreamIntake {
  const { vault, listener, maxLineBytes, requests, metrics, notify, certificates } = options;
  const feed = createFeed({ ...options, cutIsLost: false });
  const sockets = new Set<Socket>();
  const connections = new Map<Socket, Connection>();
  const maxHeldBytes = 2 * Math.max(maxLineBytes, leastHeldBytes);
  let heldBytes = 0;

  const refuse = (reason: string, fields: object, message: string): void => {
    metrics.ingestRefused.inc({ reason });
    notify({ level: 'warn', kind: `${listener} ${reason}`, fields: { vault, listener, ...fields }, message });
  };

  const hold = (connection: Connection): void => {
    heldBytes += connection.reader.heldBytes - connection.heldBytes;
    connection.heldBytes = connection.reader.heldBytes;
    if (heldBytes > maxHeldBytes) endLongest();
  };
  /** At once, and not when it has closed: meanwhile others speak, and nobody but it is to be ended for its bytes. */
  const release = (socket: Socket, connection: Connection): void => {
    if (!connections.delete(socket)) return;
    heldBytes -= connection.heldBytes;
  };
  const endLongest = (): void => {
    const [longest] = [...connections].sort(([, left], [, right]) => right.heldBytes - left.heldBytes);
    refuse('held', { bytes: heldBytes }, 'a connection was ended: too much is kept of lines that do not end');
    requests.ask(vault, 'cut');
    if (!longest) return;
    release(...longest);
    longest[0].destroy();
  };

  const take = (socket: Socket): void => {
    const connection: Connection = { reader: new FramedReader({ maxLineBytes, sink: feed.sink }), heldBytes: 0 };
    connections.set(socket, connection);
    let spoke = false;
    socket.on('data', (chunk: Buffer) => {
      if (!spoke) {
        spoke = true;
        // Those who only knock, e.g. to see whether the port is open, lose nothing.
        requests.ask(vault, 'reconnect');
      }
      const understood = connection.reader.push(chunk);
      feed.forward();
      hold(connection);
      if (understood) return;
      refuse('framing', {}, 'a connection was ended: its syslog messages are not as long as they say (RFC 6587)');
      socket.destroy();
    });
    // Half a line may stay behind on a broken connection; Vault writes it again, whole, on the next.
    socket.on('close', () => {
      release(socket, connection);
      connection.reader.end();
      feed.forward();
    });
    // 'close' follows.
    socket.on('error', () => undefined);
  };

  const welcome = certificates ? createTls(options, take, refuse) : take;
  const server = createServer((socket) => {
    const address = socket.remoteAddress ?? '';
    if (!options.isAllowed(address)) {
      refuse('address', { from: address }, 'a connection was refused: its address is not in `allow` of the listener');
      socket.destroy();
      return;
    }
    socket.setKeepAlive(true, askSilentAfterMs);
    sockets.add(socket);
    metrics.socketConnections.inc({ listener });
    socket.on('close', () => {
      sockets.delete(socket);
      metrics.socketConnections.dec({ listener });
    });
    welcome(socket);
  });

  server.maxConnections = options.maxConnections;
  server.on('drop', () => {
    refuse(
      'connections',
      { maxConnections: options.maxConnections },
      'a connection was refused, and what Vault wanted to say is lost: there are maxConnections already',
    );
    requests.ask(vault, 'reconnect');
  });
  metrics.socketConnections.set({ listener }, 0);

  return {
    server,
    async close() {
      for (const socket of [...connections.keys(), ...sockets]) socket.destroy();
      await feed.close();
    },
  };
}

/** TLS for connections that were let in already. */
function createTls(
  options: StreamOptions & { readonly certificates: Certificates | null },
  take: (socket: Socket) => void,
  refuse: (reason: string, fields: object, message: string) => void,
): (socket: Socket) => void {
  const { certificates, clientCertificates } = options;
  const server = createTlsServer(
    {
      ...certificates?.current(),
      handshakeTimeout: handshakeWithinMs,
      requestCert: clientCertificates,
      rejectUnauthorized: clientCertificates,
    },
    take,
  );
  certificates?.renew(server);
  server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => {
    refuse('tls', { why: code ?? 'handshake' }, 'a connection was refused: TLS was not agreed on');
  });
  return (socket) => {
    // Those that end before the handshake; `tlsClientError` tells of them.
    socket.on('error', () => undefined);
    server.emit('connection', socket);
  };
}
