import type { Server, Socket } from 'node:net';
import type { Metrics } from '../metrics.ts';
import type { Notify } from './notices.ts';
import type { WebhookLimits } from './settings.ts';

/**
 * Ends connections beyond those that a server, or one address, may have open at once; before TLS, where there is any.
 * The returned function ends every connection, also those that have not got to HTTP.
 */
export function limitConnections(options: {
  readonly server: Server;
  readonly limits: Pick<WebhookLimits, 'maxConnections' | 'maxConnectionsPerAddress'>;
  readonly metrics: Metrics;
  readonly notify: Notify;
}): () => void {
  const { server, limits, metrics, notify } = options;
  const open = new Map<string, number>();
  const sockets = new Set<Socket>();
  server.maxConnections = limits.maxConnections;
  server.on('drop', (dropped) => {
    metrics.ingestRefused.inc({ reason: 'connections' });
    notify({
      level: 'warn',
      kind: 'connections',
      fields: { from: dropped?.remoteAddress },
      message: 'connections refused: as many are open as webhook.http.maxConnections allows',
    });
  });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count <= limits.maxConnectionsPerAddress) return;
    metrics.ingestRefused.inc({ reason: 'connections' });
    notify({
      level: 'warn',
      kind: 'connections-of-address',
      fields: { from: address },
      message: 'connections refused: this address has as many open as webhook.http.maxConnectionsPerAddress allows',
    });
    socket.destroy();
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
