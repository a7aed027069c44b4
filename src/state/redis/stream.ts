import { connect as connectPlain, isIP, Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { Address, TlsMaterial } from './server.ts';

/** Milliseconds that a server which does not answer may keep a closed connection open. */
const closeWithinMs = 200;

/** Begins to connect; `tls` null = plain text. */
export function openSocket({ host, port }: Address, tls: TlsMaterial | null): Socket | TLSSocket {
  if (tls === null) return connectPlain({ host, port });
  const { servername = isIP(host) === 0 ? host : undefined, ...material } = tls;
  return connectTls({ host, port, ...(servername === undefined ? {} : { servername }), ...material });
}

/** Where ioredis gets its streams from. */
export abstract class StreamConnector extends AbstractConnector {
  #opening = new AbortController();

  constructor() {
    super(closeWithinMs);
  }

  /** Begins to connect. `signal` aborts when the connection is no longer wanted. */
  protected abstract open(signal: AbortSignal): Promise<Socket>;

  /**
   * What could not be opened, or is not wanted any longer, becomes a stream that is broken already: after a rejection ioredis
   * would never try again.
   */
  override async connect(): Promise<Socket> {
    this.connecting = true;
    this.#opening = new AbortController();
    delete this.firstError;
    const stream = await this.open(this.#opening.signal).catch((error: unknown) => {
      this.firstError = error instanceof Error ? error : new Error('cannot connect', { cause: error });
      return new Socket().destroy();
    });
    if (!this.connecting) stream.destroy();
    this.stream = stream;
    stream.once('error', (error) => {
      this.firstError = error;
    });
    return stream;
  }

  override disconnect(): void {
    this.#opening.abort();
    super.disconnect();
  }
}
