import { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { StreamConnector } from '../../src/state/redis/stream.ts';

class ConnectorTo extends StreamConnector {
  readonly #stream: Socket;

  constructor(stream: Socket) {
    super();
    this.#stream = stream;
  }

  protected override open(): Promise<Socket> {
    return Promise.resolve(this.#stream);
  }
}

test('a connection may fail twice, as one over TLS does to a server that is not trusted, and the first failure is the reason', async () => {
  const stream = new Socket();
  const connector = new ConnectorTo(stream);
  await connector.connect();

  // Throws where nobody listens, as it would end the process.
  for (const why of ['not trusted', 'not understood']) stream.emit('error', new Error(why));

  expect(connector.firstError).toMatchObject({ message: 'not trusted' });
});
