import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy before the API server that counts connections and can be shut. */
export interface TcpGate {
  readonly port: number;
  /** Connections ever made. */
  made(): number;
  /** Connections that are open now. */
  open(): number;
  /** New connections are accepted but lead nowhere. */
  hold(): void;
  /** Cuts every connection; what happens to new ones stays as it was. */
  cut(): void;
  /** Cuts every connection and refuses new ones. */
  shut(): void;
  /** Lets new connections through. */
  let(): void;
  stop(): Promise<void>;
}

export async function openGate(upstream: number): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let made = 0;
  let mode: 'let' | 'hold' | 'shut' = 'let';
  const server = createServer((client) => {
    if (mode === 'shut') {
      client.resetAndDestroy();
      return;
    }
    made += 1;
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
    client.on('error', () => client.destroy());
    if (mode === 'hold') {
      client.resume();
      return;
    }
    const onward = connect(upstream, '127.0.0.1');
    onward.on('error', () => client.destroy());
    onward.once('close', () => client.destroy());
    client.once('close', () => onward.destroy());
    client.pipe(onward).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    made: () => made,
    open: () => sockets.size,
    hold() {
      mode = 'hold';
    },
    cut,
    shut() {
      mode = 'shut';
      cut();
    },
    let() {
      mode = 'let';
    },
    async stop() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
