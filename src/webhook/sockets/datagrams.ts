import { createSocket, type Socket } from 'node:dgram';
import { type AddressInfo, isIPv6 } from 'node:net';
import { AuditReader } from '../audit/reader.ts';
import { createFeed, type FeedOptions } from './feed.ts';
import { readKernelDrops } from './kernel-drops.ts';
import { withoutSyslogHeader } from './syslog.ts';

const countDropsEveryMs = 10_000;
/** Asked of the kernel for what arrives while we are busy; it gives what `net.core.rmem_max` allows. */
const receiveBufferBytes = 8 * 1024 * 1024;

export interface DatagramOptions extends FeedOptions {
  readonly isAllowed: (address: string) => boolean;
  readonly maxLineBytes: number;
}

export interface DatagramIntake {
  /** @throws when the address cannot be bound */
  bind(address: { readonly host: string; readonly port: number }): Promise<AddressInfo>;
  close(): Promise<void>;
}

/**
 * Takes lines that come in datagrams, one or more in each. Nothing says whether one was lost on the way, so a reconcile is
 * asked for whenever something says that one probably was: half a line, or the kernel's count of what it dropped.
 */
export function createDatagramIntake(options: DatagramOptions): DatagramIntake {
  const { vault, listener, isAllowed, requests, metrics, clock, notify } = options;
  const feed = createFeed({ ...options, cutIsLost: true });
  const reader = new AuditReader({ maxRecordBytes: options.maxLineBytes, prefilter: true, sink: feed.sink });
  let socket: Socket | null = null;
  let cancelCount = (): void => undefined;

  const take = (message: Buffer, { address }: { readonly address: string }): void => {
    if (!isAllowed(address)) {
      metrics.ingestRefused.inc({ reason: 'address' });
      notify({
        level: 'warn',
        kind: `${listener} address`,
        fields: { vault, listener, from: address },
        message: 'datagrams are passed over: their address is not in `allow` of the listener',
      });
      return;
    }
    reader.push(withoutSyslogHeader(message));
    reader.end();
    feed.forward();
  };

  const watchDrops = (bound: AddressInfo): void => {
    let known = 0;
    const place = { ...bound, family: bound.family === 'IPv6' ? 'IPv6' : 'IPv4' } as const;
    const count = async (): Promise<void> => {
      const drops = await readKernelDrops(place);
      if (socket === null) return;
      if (drops !== null && drops > known) {
        metrics.socketShed.inc({ listener, reason: 'kernel' }, drops - known);
        requests.ask(vault, 'shed');
        known = drops;
      }
      cancelCount = clock.after(countDropsEveryMs, () => void count());
    };
    cancelCount = clock.after(countDropsEveryMs, () => void count());
  };

  return {
    bind({ host, port }) {
      const type = isIPv6(host) ? 'udp6' : 'udp4';
      const opened = createSocket({ type, recvBufferSize: receiveBufferBytes }, take);
      socket = opened;
      return new Promise((resolve, reject) => {
        opened.once('error', reject);
        opened.bind({ port, address: host }, () => {
          opened.off('error', reject);
          // None is known to come after the bind; whatever comes, the others listen on.
          opened.on('error', (error) => {
            notify({
              level: 'error',
              kind: `${listener} error`,
              fields: { err: error, listener },
              message: 'UDP failed',
            });
          });
          watchDrops(opened.address());
          resolve(opened.address());
        });
      });
    },
    async close() {
      cancelCount();
      const opened = socket;
      socket = null;
      if (opened) await new Promise<void>((resolve) => opened.close(() => resolve()));
      await feed.close();
    },
  };
}
