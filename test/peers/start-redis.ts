import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RedisOptions as IoredisOptions, Redis } from 'ioredis';
import { makePeerFolder, type PeerProcess, removeFolder, startOnFreePort, startProcess } from './processes.ts';
import { providePeer } from './provision.ts';

type ClientOptions = Omit<IoredisOptions, 'replyMapping'>;

/** Two of one kind: the second parted from the first after its version 7.2. */
export type RedisMake = 'Redis' | 'Valkey';

export interface RedisOptions {
  /** Default Redis. */
  make?: RedisMake;
  /** Keep the data over `restart` (append-only file, written through on every command). Without it nothing survives. */
  appendOnly?: boolean;
  /** Lines of an ACL file, e.g. `user webhook on >password ~vss:in:* +@all`. */
  users?: readonly string[];
  /** Listen on a Unix socket instead of a TCP port. */
  unixSocket?: boolean;
  /** More arguments; later ones win, e.g. `--maxmemory 2mb`. */
  args?: readonly string[];
  /** Be a Sentinel with these lines as its configuration. */
  sentinel?: readonly string[];
  /** Speak TLS only, with these files, also to replicas, Sentinels and other nodes. */
  tls?: RedisTls;
}

export interface RedisTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of the same authority. */
  readonly asksForCertificate?: boolean;
}

export interface RedisPeer {
  host: string;
  /** 0 with `unixSocket`. */
  port: number;
  /** Undefined without `unixSocket`. */
  socketPath: string | undefined;
  /** `redis://127.0.0.1:PORT`, or `unix://PATH`. */
  url: string;
  /** A client as the user who may do everything (`default`), whatever name the server's certificate bears. */
  admin(options?: ClientOptions): Redis;
  /** Kills the server and leaves its data where `restart` finds it. */
  kill(): Promise<void>;
  /** Starts it again on the same port, killing it first when it runs. */
  restart(): Promise<void>;
  /** Freezes the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): void;
  /** Kills the server and removes its data. */
  stop(): Promise<void>;
}

/** Starts a real Redis on a free loopback port. It keeps nothing on disk and evicts nothing unless asked. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisPeer> {
  const redisServer = await findServer(options.make ?? 'Redis');
  const folder = await makePeerFolder('redis');
  if (options.users !== undefined) await writeFile(join(folder, 'users.acl'), `${options.users.join('\n')}\n`);
  const start = (port: number) => startServer({ redisServer, folder, port, options });

  let server: PeerProcess;
  let port = 0;
  try {
    server = options.unixSocket
      ? await start(0)
      : await startOnFreePort((free) => {
          port = free;
          return start(free);
        });
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }

  const socketPath = options.unixSocket ? socketIn(folder) : undefined;
  return {
    host: '127.0.0.1',
    port,
    socketPath,
    url: socketPath === undefined ? `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}` : `unix://${socketPath}`,
    admin: (settings = {}) => new Redis({ ...whereIs({ port, socketPath, tls: options.tls }), ...settings }),
    kill: () => server.kill(),
    async restart() {
      await server.kill();
      server = await start(port);
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async stop() {
      await server.kill();
      await removeFolder(folder);
    },
  };
}

async function findServer(make: RedisMake): Promise<string> {
  if (make === 'Valkey') return (await providePeer('valkey')).valkeyServer;
  // So that everything can be tried on another version as well.
  return process.env['REDIS_BIN'] ?? (await providePeer('redis')).redisServer;
}

function whereIs(server: { port: number; socketPath: string | undefined; tls: RedisTls | undefined }): ClientOptions {
  const { port, socketPath, tls } = server;
  if (socketPath !== undefined) return { path: socketPath };
  if (tls === undefined) return { port };
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((file) => readFileSync(file, 'utf8'));
  return { port, tls: { ca, cert, key, checkServerIdentity: () => undefined } as NonNullable<ClientOptions['tls']> };
}

interface ServerOptions {
  redisServer: string;
  folder: string;
  port: number;
  options: RedisOptions;
}

async function startServer({ redisServer, folder, port, options }: ServerOptions): Promise<PeerProcess> {
  const args = await ownArguments({ folder, port, options });
  if (options.appendOnly) args.push('--appendonly', 'yes', '--appendfsync', 'always');
  if (options.users !== undefined) args.push('--aclfile', join(folder, 'users.acl'));
  if (options.unixSocket) args.push('--unixsocket', socketIn(folder));
  args.push(...(options.args ?? []));

  const server = await startProcess({ name: 'redis', command: redisServer, args, folder });
  if (options.tls) {
    await server.untilReady(async () => accepts(port));
    return server;
  }
  await server.untilReady(async () => answersPing(options.unixSocket ? { path: socketIn(folder) } : { port }));
  return server;
}

async function ownArguments({ folder, port, options }: Omit<ServerOptions, 'redisServer'>): Promise<string[]> {
  const ports = portArguments(port, options.tls);
  if (options.sentinel !== undefined) {
    const file = join(folder, 'sentinel.conf');
    // It writes its own file; one that is there already knows more.
    await writeFile(file, `${options.sentinel.join('\n')}\n`, { flag: 'wx' }).catch(() => undefined);
    return [file, '--sentinel', ...ports, '--bind', '127.0.0.1', '--dir', folder];
  }
  const keepsNothing = ['--save', '', '--maxmemory-policy', 'noeviction'];
  return [...ports, '--bind', '127.0.0.1', ...keepsNothing, '--dir', folder, '--daemonize', 'no'];
}

function portArguments(port: number, tls: RedisTls | undefined): string[] {
  if (tls === undefined) return ['--port', String(port)];
  const files = ['--tls-ca-cert-file', tls.ca, '--tls-cert-file', tls.cert, '--tls-key-file', tls.key];
  const between = ['--tls-replication', 'yes', '--tls-cluster', 'yes'];
  const asks = ['--tls-auth-clients', tls.asksForCertificate ? 'yes' : 'no'];
  return ['--port', '0', '--tls-port', String(port), ...files, ...between, ...asks];
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

function socketIn(folder: string): string {
  return join(folder, 'redis.sock');
}

/** A server that wants a password first (`-NOAUTH`) is up as well; one that still loads its data (`-LOADING`) is not. */
async function answersPing(where: { path: string } | { port: number }): Promise<boolean> {
  const socket = 'path' in where ? connect(where.path) : connect(where.port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data');
    return /^(\+PONG|-NOAUTH)/.test(String(answer));
  } finally {
    socket.destroy();
  }
}
