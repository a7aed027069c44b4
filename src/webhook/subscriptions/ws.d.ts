/** What is used of the package `ws`, which brings no types. Of the server only the stand-in makes use. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  export default class WebSocket extends EventEmitter {
    constructor(
      url: string,
      options: {
        readonly headers?: Readonly<Record<string, string>>;
        /** PEM; instead of the authorities that Node trusts. */
        readonly ca?: string;
        /** Bytes; a longer message ends the connection. */
        readonly maxPayload?: number;
        readonly perMessageDeflate?: boolean;
      },
    );
    ping(): void;
    send(text: string): void;
    close(code?: number): void;
    /** At once, without a closing handshake; also while connecting. */
    terminate(): void;
  }

  export class WebSocketServer extends EventEmitter {
    constructor(options: { readonly noServer: true; readonly autoPong?: boolean });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      opened: (socket: WebSocket, request: IncomingMessage) => void,
    ): void;
  }
}
