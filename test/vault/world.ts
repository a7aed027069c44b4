import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect } from '@jest/globals';
import { SyncError } from '../../src/errors.ts';
import { createLogger } from '../../src/logging.ts';
import type { VaultReader } from '../../src/vault/contract.ts';
import { createVaultReader, type VaultReaderOptions } from '../../src/vault/reader.ts';
import type { VaultOperation } from '../../src/vault/session.ts';
import type { VaultPeer } from '../peers/start-vault.ts';

/** Part of every value that tests put into Vault: it must show up nowhere but in what was read. */
export const canary = 'canary-5f1c';

export const calm = new AbortController().signal;

/** Everything that readers under test have said: log lines, and errors in full depth. */
export interface Ear {
  readonly logger: VaultReaderOptions['logger'];
  readonly said: string[];
  /** The `SyncError` that `work` ends with. Fails when it ends well or with anything else. */
  refusal(work: Promise<unknown>): Promise<SyncError>;
  /** Fails when a value, or one of these credentials, was said. */
  expectNoSecretsIn(credentials: readonly string[]): void;
}

export function listen(): Ear {
  const said: string[] = [];
  return {
    said,
    logger: createLogger({ level: 'debug', destination: { write: (line) => void said.push(line) } }),
    async refusal(work) {
      const error = await work.then(
        (result) => new Error(`it ended well, with ${typeof result}`),
        (thrown: unknown) => thrown,
      );
      said.push(inspect(error, { depth: 20, showHidden: true, maxStringLength: null }));
      if (!(error instanceof SyncError)) throw error;
      return error;
    },
    expectNoSecretsIn(credentials) {
      const everything = said.join('\n');
      for (const secret of [canary, ...credentials]) expect(everything).not.toContain(secret);
    },
  };
}

interface OpenReader {
  readonly reader: VaultReader;
  /** Requests sent, in order. */
  readonly requests: VaultOperation[];
}

/** Opens readers and closes them all together. */
export interface Readers {
  open(options: Pick<VaultReaderOptions, 'address'> & Partial<VaultReaderOptions>): OpenReader;
  closeAll(): Promise<void>;
}

export function createReaders(ear: Ear): Readers {
  const opened: VaultReader[] = [];
  return {
    open(options) {
      const requests: VaultOperation[] = [];
      const reader = createVaultReader({
        namespaces: false,
        auth: { method: 'token', token: () => 'root' },
        timeouts: { requestMs: 10_000 },
        now: Date.now,
        logger: ear.logger,
        onRequest: (operation) => requests.push(operation),
        ...options,
      });
      opened.push(reader);
      return { reader, requests };
    },
    async closeAll() {
      for (const reader of opened.splice(0)) await reader.close();
    },
  };
}

/** As `vault.api`, but whatever Vault refuses fails the test. */
export async function must(vault: VaultPeer, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await vault.api(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export async function collect(names: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const name of names) collected.push(name);
  return collected;
}

export interface ConnectionCounter {
  readonly url: string;
  /** Connections taken since the start. */
  readonly count: number;
  stop(): Promise<void>;
}

/** Passes bytes on to a local port and counts connections. */
export async function countConnections(port: number): Promise<ConnectionCounter> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((incoming) => {
    count += 1;
    const outgoing = connect(port, '127.0.0.1');
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    incoming.pipe(outgoing).pipe(incoming);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    get count() {
      return count;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
