import { BlockList, createServer, isIPv4, isIPv6, type Server, type Socket } from 'node:net';
import { InputError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { AuditReader } from './audit/reader.ts';
import type { Clock } from './clock.ts';
import type { Ingest } from './ingest.ts';
import type { Intake } from './intake.ts';
import type { Notify } from './notices.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';

/** Different jobs kept while the queue does not take them; what comes beyond is covered by a reconcile. */
const maxGathered = 10_000;
const tryAgainMs = 500;

export interface TcpOptions {
  /** The one Vault whose lines arrive here. */
  readonly vault: string;
  readonly isAllowed: (address: string) => boolean;
  readonly maxLineBytes: number;
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}

export interface TcpIntake {
  readonly server: Server;
  /** Ends every connection and hands in what was gathered, as far as the queue takes it. */
  close(): Promise<void>;
}

/**
 * Takes the lines of Vault's `socket` audit device. Vault holds a lock while it writes, so reading never pauses,
 * whatever the queue does; and it never learns what became of a line, so a new connection means that lines may be lost.
 */
export function createTcpIntake(options: TcpOptions): TcpIntake {
  const { vault, isAllowed, maxLineBytes, ingest, requests, metrics, notify } = options;
  const sockets = new Set<Socket>();
  const feed = createFeed({ ...options, intake: ingest.open(vault) });
  let connections = 0;

  const server = createServer((socket) => {
    const address = socket.remoteAddress ?? '';
    if (!isAllowed(address)) {
      metrics.ingestRefused.inc({ reason: 'address' });
      notify({
        level: 'warn',
        kind: 'address',
        fields: { vault, from: address },
        message: 'a connection was refused: its address is not in `allow` of the listener in webhook.tcp',
      });
      socket.destroy();
      return;
    }
    connections += 1;
    if (connections > 1) requests.ask(vault, 'reconnect');
    sockets.add(socket);
    const reader = new AuditReader({ maxRecordBytes: maxLineBytes, prefilter: true, sink: feed.intake });
    socket.on('data', (chunk) => {
      reader.push(chunk);
      feed.forward();
    });
    // Half a line may stay behind on a broken connection; Vault writes it again, whole, on the next.
    socket.on('close', () => {
      reader.end();
      feed.forward();
      sockets.delete(socket);
    });
    // 'close' follows.
    socket.on('error', () => undefined);
  });

  return {
    server,
    async close() {
      for (const socket of sockets) socket.destroy();
      await feed.close();
    },
  };
}

interface Feed {
  readonly intake: Intake;
  /** Hands in what was gathered, unless that is under way already. */
  forward(): void;
  close(): Promise<void>;
}

/** One `add` at a time: what arrives meanwhile is gathered, up to a bound, and handed in next. */
function createFeed(options: TcpOptions & { readonly intake: Intake }): Feed {
  const { intake, vault, requests, metrics, clock } = options;
  let flying: Promise<void> | null = null;
  let cancelRetry: (() => void) | null = null;
  let closed = false;

  const fly = async (): Promise<void> => {
    while (intake.size > 0) {
      try {
        await intake.commit();
      } catch {
        if (!closed) {
          cancelRetry = clock.after(tryAgainMs, () => {
            cancelRetry = null;
            forward();
          });
        }
        return;
      }
    }
  };
  const forward = (): void => {
    intake.report();
    if (intake.size > maxGathered) {
      metrics.ingestRefused.inc({ reason: 'shed' }, intake.shed());
      requests.ask(vault, 'shed');
    }
    if (flying || cancelRetry || closed || intake.size === 0) return;
    flying = fly().finally(() => {
      flying = null;
    });
  };

  return {
    intake,
    forward,
    async close() {
      closed = true;
      cancelRetry?.();
      await flying;
      await fly();
    },
  };
}

/**
 * Reads an allow list of addresses and networks, e.g. `10.0.0.0/8`; an empty one allows everybody.
 * @throws InputError
 */
export function createAllowList(allow: readonly string[]): (address: string) => boolean {
  if (allow.length === 0) return () => true;
  const list = new BlockList();
  for (const network of allow) {
    const [address = '', bits, ...rest] = network.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const longest = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    const isLength = /^\d+$/.test(bits ?? '0') && length <= longest;
    if ((family === 'ipv6' && !isIPv6(address)) || !isLength || rest.length > 0) {
      throw new InputError(`webhook.tcp: "${network}" in allow is no network: write e.g. 10.0.0.0/8 or fd00::/8`);
    }
    list.addSubnet(address, length, family);
  }
  return (address) => {
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
    const plain = mapped ?? address;
    return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  };
}
