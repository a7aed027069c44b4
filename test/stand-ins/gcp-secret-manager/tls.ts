import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

/** Certificate authority to trust: TEST ONLY. */
export const caFile = fileURLToPath(new URL('tls/ca.pem', import.meta.url));

export interface Front {
  readonly server: Server;
  /** TLS handshakes that were completed so far. */
  handshakes(): number;
  /** Ends every connection. */
  stop(): void;
}

/**
 * One port with TLS before both transports, as Google has it: who asks for HTTP/2 (ALPN `h2`) gets gRPC, everybody else
 * REST. Both are behind it without TLS.
 */
export function createFront(ports: { readonly grpc: number; readonly rest: number }): Front {
  const sockets = new Set<Socket>();
  let count = 0;
  const options = {
    key: readFileSync(new URL('tls/server-key.pem', import.meta.url)),
    cert: readFileSync(new URL('tls/server.pem', import.meta.url)),
    ALPNProtocols: ['h2', 'http/1.1'],
  };
  const server = createServer(options, (incoming: TLSSocket) => {
    count += 1;
    const outgoing = connect(incoming.alpnProtocol === 'h2' ? ports.grpc : ports.rest, '127.0.0.1');
    const ends = [incoming, outgoing];
    for (const socket of ends) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        for (const end of ends) end.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  return {
    server,
    handshakes: () => count,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}
