import { readFile } from 'node:fs/promises';
import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent, request as tlsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { getCACertificates } from 'node:tls';
import { SyncError } from '../../errors.ts';
import { networkCodeIn } from './failures.ts';
import type { GcpSettings } from './settings.ts';

/** Sockets to one host at most, for what is no gRPC. */
const maxSockets = 16;

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Milliseconds that the answer asks to wait; null = it does not say. */
  readonly retryAfterMs: number | null;
}

/** The way to Google of one target: what it trusts, how it gets out, and its own sockets for whatever is no gRPC. */
export interface Network {
  /** PEM of the authorities to trust; null = those that Node trusts. */
  readonly ca: string | null;
  readonly agent: Agent;
  /** One request: no repetition, no redirect. @throws Error whose message is a network code and nothing else */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/** @throws SyncError `SlowRetry` when the file of `caFile` cannot be read */
export async function openNetwork(settings: GcpSettings): Promise<Network> {
  const ca = await authoritiesOf(settings);
  const { proxy } = settings;
  const agent = new Agent({
    keepAlive: true,
    maxSockets,
    ...(ca === null ? {} : { ca }),
    ...(proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy } }),
  });
  // For a stand-in only.
  const plainAgent = new PlainAgent({ keepAlive: true, maxSockets });
  return {
    ca,
    agent,
    async send({ url, method, headers, body, signal }) {
      const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
      const isPlain = new URL(url).protocol === 'http:';
      const options = { method, headers, signal, agent: isPlain ? plainAgent : agent };
      const request = (isPlain ? plainRequest : tlsRequest)(url, options, (response) => {
        const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
        const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : null;
        buffer(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, body: bytes, retryAfterMs }),
          reject,
        );
      });
      // Over TLS a second one may follow, which would end the process if nobody heard it.
      request.on('error', reject).end(body);
      try {
        return await promise;
      } catch (error) {
        // The error itself may hold the request, and that holds tokens and values.
        throw new Error(networkCodeIn(error) ?? 'the connection broke');
      }
    },
    close() {
      agent.destroy();
      plainAgent.destroy();
    },
  };
}

async function authoritiesOf({ caFile }: GcpSettings): Promise<string | null> {
  if (caFile === undefined) return null;
  try {
    return [...getCACertificates('default'), await readFile(caFile, 'utf8')].join('\n');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `GCP: the file of stores.gcp.caFile cannot be read (${code}); mount it, or correct the setting`;
    throw new SyncError({ remedy: 'SlowRetry', reason: 'NoCertificates', message, code });
  }
}
