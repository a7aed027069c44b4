import { join } from 'node:path';
import {
  type CommandResult,
  eventually,
  makePeerFolder,
  type PeerProcess,
  removeFolder,
  runCommand,
  startOnFreePort,
  startProcess,
} from './processes.ts';
import { providePeer } from './provision.ts';

/** A TCP listener that takes an audit device's lines. */
export interface AuditSocket {
  host: string;
  port: number;
  /** The device's path in Vault, `socket` unless said. */
  path?: string;
}

export interface VaultOptions {
  /** Enabled after the file device, in this order; each must be listening already, for Vault tries it. */
  auditSockets?: readonly AuditSocket[];
  /** KV mounts besides `secret/` (version 2), which a dev server brings: `{ 'team-a/kv': 1 }`. */
  mounts?: Readonly<Record<string, 1 | 2>>;
}

export interface VaultAnswer {
  status: number;
  /** Parsed JSON; null where Vault sends no body. */
  body: unknown;
}

export interface VaultPeer {
  /** `http://127.0.0.1:PORT` */
  address: string;
  host: string;
  port: number;
  /** Of the server, which opens its audit files anew on SIGHUP. */
  pid: number;
  /** The root token. */
  token: string;
  /** The `vault` program. */
  bin: string;
  /** What the file audit device wrote, one entry a line. */
  auditFile: string;
  /**
   * One request with the root token, e.g. `api('POST', 'secret/data/foo', { data: { user: 'ada' } })`. `LIST` is a method.
   * Another `X-Vault-Token` among the headers takes the root token's place; an empty one sends none.
   */
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<VaultAnswer>;
  /** Runs the real command line as root, e.g. `cli(['kv', 'put', 'secret/foo', 'user=ada'])`. */
  cli(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** Enables a KV engine and waits until it takes requests. */
  enableKv(mount: string, version: 1 | 2): Promise<void>;
  enableAuditSocket(socket: AuditSocket): Promise<void>;
  seal(): Promise<void>;
  unseal(): Promise<void>;
  /** Freezes the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

const devToken = 'root';

/** Starts a real Vault dev server on a free loopback port; its file audit device is enabled before anything else. */
export async function startVault(options: VaultOptions = {}): Promise<VaultPeer> {
  const { vault: bin } = await providePeer('vault');
  const folder = await makePeerFolder('vault');
  try {
    const { server, port } = await startOnFreePort((free) => startServer(bin, folder, free));
    const peer = connectTo({ bin, folder, port, server, token: devToken, unsealKey: () => unsealKeyIn(server) });
    try {
      await enableAuditFile(peer);
      for (const [mount, version] of Object.entries(options.mounts ?? {})) await peer.enableKv(mount, version);
      for (const socket of options.auditSockets ?? []) await peer.enableAuditSocket(socket);
    } catch (error) {
      await server.kill();
      throw error;
    }
    return peer;
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

async function startServer(bin: string, folder: string, port: number): Promise<{ server: PeerProcess; port: number }> {
  const args = ['server', '-dev', `-dev-root-token-id=${devToken}`, '-dev-no-store-token'];
  args.push(`-dev-listen-address=127.0.0.1:${port}`);
  const server = await startProcess({ name: 'vault', command: bin, args, folder });
  await server.untilReady(async () => {
    const health = await fetch(`http://127.0.0.1:${port}/v1/sys/health`);
    return health.ok && /^Unseal Key: /m.test(await server.readLog());
  });
  return { server, port };
}

interface RunningServer {
  bin: string;
  folder: string;
  port: number;
  server: PeerProcess;
  /** The root token. */
  token: string;
  unsealKey(): Promise<string>;
}

async function unsealKeyIn(server: PeerProcess): Promise<string> {
  return /^Unseal Key: (\S+)/m.exec(await server.readLog())?.[1] ?? '';
}

/** What tests do with a server that runs. */
export function connectTo({ bin, folder, port, server, token, unsealKey }: RunningServer): VaultPeer {
  const address = `http://127.0.0.1:${port}`;
  const api: VaultPeer['api'] = async (method, path, body, headers) => {
    const answer = await fetch(`${address}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': token, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  };
  const must = async (method: string, path: string, body?: unknown) => {
    const answer = await api(method, path, body);
    if (answer.status >= 300) throw new Error(`Vault refused ${method} ${path}: ${JSON.stringify(answer.body)}`);
  };

  return {
    address,
    host: '127.0.0.1',
    port,
    pid: server.pid,
    token,
    bin,
    auditFile: auditFileIn(folder),
    api,
    cli: (args, stdin) =>
      runCommand(bin, args, {
        cwd: folder,
        env: { PATH: process.env['PATH'] ?? '', HOME: folder, VAULT_ADDR: address, VAULT_TOKEN: token },
        ...(stdin === undefined ? {} : { stdin }),
      }),
    async enableKv(mount, version) {
      await must('POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: String(version) } });
      // A new version 2 mount answers 400 until it has finished its upgrade from version 1.
      const list = version === 1 ? mount : `${mount}/metadata`;
      await eventually(async () => (await api('LIST', list)).status === 404, { what: `the mount ${mount}` });
    },
    enableAuditSocket: ({ host, port: toPort, path = 'socket' }) =>
      must('PUT', `sys/audit/${path}`, {
        type: 'socket',
        options: { address: `${host}:${toPort}`, socket_type: 'tcp' },
      }),
    seal: () => must('PUT', 'sys/seal'),
    async unseal() {
      await must('PUT', 'sys/unseal', { key: await unsealKey() });
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async stop() {
      await server.kill();
      await removeFolder(folder);
    },
  };
}

function auditFileIn(folder: string): string {
  return join(folder, 'audit.log');
}

/** First of all devices: while one device takes the entries, another that is away cannot stop Vault. */
export async function enableAuditFile(peer: VaultPeer): Promise<void> {
  const device = { type: 'file', options: { file_path: peer.auditFile } };
  const answer = await peer.api('PUT', 'sys/audit/file', device);
  if (answer.status >= 300) throw new Error(`Vault refused its file audit device: ${JSON.stringify(answer.body)}`);
}
