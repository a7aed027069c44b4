import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Tells for each part of the program what keeps it from being ready; null = ready. */
export type Readiness = () =>
  | Readonly<Record<string, string | null>>
  | Promise<Readonly<Record<string, string | null>>>;

export interface OpsServer {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * The port for whoever runs the program: `/healthz` (the process answers), `/readyz` (which part is not ready, and why)
 * and `/metrics` (Prometheus). @throws when it cannot listen
 */
export async function startOpsServer(options: {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly readiness: Readiness;
}): Promise<OpsServer> {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response, options).catch(() => {
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
  });
  await listen(server, options);
  const { address, port, family } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  url: string,
  response: ServerResponse,
  { registry, readiness }: { registry: Registry; readiness: Readiness },
): Promise<void> {
  switch (url.split('?')[0]) {
    case '/healthz':
      response.setHeader('content-type', 'text/plain').end('ok\n');
      return;
    case '/readyz': {
      const parts = await readiness();
      const ready = Object.values(parts).every((problem) => problem === null);
      response.statusCode = ready ? 200 : 503;
      response.setHeader('content-type', 'application/json');
      response.end(
        `${JSON.stringify({ ready, parts: Object.fromEntries(Object.entries(parts).map(([part, problem]) => [part, problem ?? 'ok'])) })}\n`,
      );
      return;
    }
    case '/metrics':
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
      return;
    default:
      response.statusCode = 404;
      response.end('known here: /healthz /readyz /metrics\n');
  }
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
