import { connect as connectPlain, isIP, Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { Address, TlsMaterial } from './server.ts';

/** Milliseconds that a server which does not answer may keep a closed connection open. */
const closeWithinMs = 200;

/** Begins to connect; `tls` null = plain text. */
export function openSocket({ host, port, name }: Address, tls: TlsMaterial | null): Socket | TLSSocket {
  if (tls === null) return connectPlain({ host, port });
  if (tls.servername !== undefined) return connectTls({ host, port, ...tls });
  if (isIP(host) === 0) return connectTls({ host, port, servername: host, ...tls });
  if (name === undefined) return connectTls({ host, port, ...tls });
  return connectTls({ host, port, servername: name, checkServerIdentity: bearsOneOf([name, host]), ...tls });
}

/** What Node.js asks when it has seen a certificate: undefined = it will do. */
function bearsOneOf(names: readonly string[]): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_, certificate) => {
    const failures = names.map((name) => checkServerIdentity(name, certificate));
    return failures.includes(undefined) ? undefined : failures[0];
  };
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
    // More than one: where we do not trust a server, TLS may tell afterwards that the server has not understood us either. An error
    // that nobody hears would end the process.
    stream.on('error', (error) => {
      if (this.stream === stream) this.firstError ??= error;
    });
    return stream;
  }

  override disconnect(): void {
    this.#opening.abort();
    super.disconnect();
  }
}
