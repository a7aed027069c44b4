import { once } from 'node:events';
import { createServer, connect as open, type Socket } from 'node:net';

/** A TCP connection to a peer whose answers take their time. */
export interface SlowLink {
  readonly port: number;
  /** Bytes both ways since the start or the last `forget`. */
  bytes(): number;
  forget(): void;
  stop(): Promise<void>;
}

/** Passes on what comes to a free loopback port to `port`; what comes back is held for `delayMs`. */
export async function startSlowLink(port: number, { delayMs }: { readonly delayMs: number }): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer({ noDelay: true }, (near) => {
    const far = open({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    near.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (delayMs === 0) near.write(chunk);
      else setTimeout(() => near.write(chunk), delayMs);
    });
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    port: address.port,
    bytes: () => bytes,
    forget() {
      bytes = 0;
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}
