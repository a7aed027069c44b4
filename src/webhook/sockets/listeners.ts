import { chmod } from 'node:fs/promises';
import { type AddressInfo, isIP, type Server } from 'node:net';
import { InputError } from '../../errors.ts';
import { type Certificates, openCertificates } from '../certificates.ts';
import type { DatagramListener, StreamListener, TcpListener, UnixListener, WebhookLimits } from '../settings.ts';
import { createAllowList } from './allow-list.ts';
import { createDatagramIntake, type DatagramIntake } from './datagrams.ts';
import type { FeedOptions } from './feed.ts';
import { createStreamIntake, type StreamIntake } from './stream.ts';
import { clearSocketPath } from './unix-path.ts';

/** As many as a large cluster's nodes make while their old connections are not given up yet. */
const defaultMaxConnections = 100;
const defaultMode = '0660';

export interface SocketListenersOptions extends Omit<FeedOptions, 'listener' | 'vault'> {
  readonly tcp: readonly TcpListener[];
  readonly unix: readonly UnixListener[];
  readonly udp: readonly DatagramListener[];
  readonly limits: Pick<WebhookLimits, 'maxLineBytes'>;
}

/** The listeners for Vault's socket device. */
export interface SocketListeners {
  /** In the order of the settings. */
  readonly tcpAddresses: readonly AddressInfo[];
  readonly udpAddresses: readonly AddressInfo[];
  /** Takes no new connections. */
  stopListening(): void;
  /** Ends every connection and hands in what was gathered. */
  close(): Promise<void>;
}

/**
 * Opens every listener.
 * @throws InputError for an allow list, a certificate, an address or a path that cannot be used; then none stays open
 */
export async function openSocketListeners(options: SocketListenersOptions): Promise<SocketListeners> {
  const { tcp, unix, udp, notify, limits } = options;
  const allowTcp = tcp.map(({ allow }, index) => createAllowList(allow ?? [], `webhook.tcp[${index}]`));
  const allowUdp = udp.map(({ allow }, index) => createAllowList(allow ?? [], `webhook.udp[${index}]`));
  const certificates: Certificates[] = [];
  const streams: StreamIntake[] = [];
  const datagrams: DatagramIntake[] = [];
  const tcpAddresses: AddressInfo[] = [];
  const udpAddresses: AddressInfo[] = [];

  const openStream = (
    { vault, maxConnections = defaultMaxConnections }: StreamListener,
    rest: Pick<
      Parameters<typeof createStreamIntake>[0],
      'listener' | 'isAllowed' | 'certificates' | 'clientCertificates'
    >,
  ): Server => {
    const stream = createStreamIntake({
      ...options,
      vault,
      maxConnections,
      maxLineBytes: limits.maxLineBytes,
      ...rest,
    });
    streams.push(stream);
    return stream.server;
  };
  const openTcp = async (listener: TcpListener, index: number): Promise<void> => {
    const { host, port, tls } = listener;
    const setting = `webhook.tcp[${index}]`;
    const opened = tls ? await openCertificates({ ...options, files: tls, setting: `${setting}.tls` }) : null;
    if (opened) certificates.push(opened);
    const server = openStream(listener, {
      listener: `tcp:${port}`,
      isAllowed: allowTcp[index] ?? (() => false),
      certificates: opened,
      clientCertificates: tls?.clientCaFile !== undefined,
    });
    await listen(server, { host, port }, `${host}:${port}`);
    tcpAddresses.push(server.address() as AddressInfo);
    const isOpen = !isLoopback(host) && !listener.allow?.length && tls?.clientCaFile === undefined;
    if (isOpen) warnOpen(setting);
  };
  const openUnix = async (listener: UnixListener): Promise<void> => {
    const { path, mode = defaultMode } = listener;
    await clearSocketPath(path);
    const everybody = { isAllowed: () => true, certificates: null, clientCertificates: false };
    const server = openStream(listener, { listener: `unix:${path}`, ...everybody });
    await listen(server, { path }, path);
    await chmod(path, Number.parseInt(mode, 8));
  };
  const openUdp = async (listener: DatagramListener, index: number): Promise<void> => {
    const { host, port, vault } = listener;
    const datagram = createDatagramIntake({
      ...options,
      vault,
      listener: `udp:${port}`,
      isAllowed: allowUdp[index] ?? (() => false),
      maxLineBytes: limits.maxLineBytes,
    });
    datagrams.push(datagram);
    udpAddresses.push(
      await datagram.bind({ host, port }).catch((cause: unknown) => {
        throw cannotListen(`${host}:${port}`, cause);
      }),
    );
    notify({
      level: 'warn',
      kind: `udp webhook.udp[${index}]`,
      fields: { vault },
      message: `webhook.udp[${index}]: UDP loses entries without a trace, and Vault cannot send those above 64 KiB: changes missed wait for the refreshInterval of their sync; a file that is followed, or TCP, loses far less`,
    });
    if (!isLoopback(host) && !listener.allow?.length) warnOpen(`webhook.udp[${index}]`);
  };
  const warnOpen = (setting: string): void => {
    notify({
      level: 'warn',
      kind: `open ${setting}`,
      message: `${setting} has no allow list and carries no credential: whoever reaches it can make us look at Vault; name the networks of your Vaults in allow`,
    });
  };

  const stopListening = (): void => {
    for (const { server } of streams) server.close();
  };
  const close = async (): Promise<void> => {
    for (const opened of certificates) opened.close();
    await Promise.all([...streams, ...datagrams].map((intake) => intake.close()));
  };
  try {
    for (const [index, listener] of tcp.entries()) await openTcp(listener, index);
    for (const listener of unix) await openUnix(listener);
    for (const [index, listener] of udp.entries()) await openUdp(listener, index);
  } catch (error) {
    stopListening();
    await close();
    throw error;
  }
  return { tcpAddresses, udpAddresses, stopListening, close };
}

/** Node removes a unix socket's file when its server is closed. */
function listen(
  server: Server,
  where: { host: string; port: number } | { path: string },
  shown: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(shown, cause)));
    server.listen(where, resolve);
  });
}

function cannotListen(shown: string, cause: unknown): InputError {
  return new InputError(`the webhook cannot listen on ${shown}: is it taken, or not allowed?`, { cause });
}

/** Where only this machine, or this pod, can connect. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
