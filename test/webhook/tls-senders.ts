import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Authority, createAuthority, type Issued } from './authority.ts';
import type { World } from './fakes.ts';

/** The files of a certificate as cert-manager and Kubernetes mount them: every renewal exchanges the whole folder at once. */
export interface MountedSecret {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string;
  put(files: Readonly<Record<string, string>>): Promise<void>;
  remove(): Promise<void>;
}

export async function mountSecret(files: Readonly<Record<string, string>>): Promise<MountedSecret> {
  const folder = await mkdtemp(join(tmpdir(), 'vss-door-'));
  const put = async (next: Readonly<Record<string, string>>): Promise<void> => {
    const data = await mkdtemp(join(folder, '..data-'));
    for (const [name, text] of Object.entries(next)) await writeFile(join(data, name), text);
    await symlink(data, join(folder, '..next'));
    await rename(join(folder, '..next'), join(folder, '..data'));
  };
  await put(files);
  const nameOf = (name: string) => join(folder, '..data', name);
  return {
    certFile: nameOf('tls.crt'),
    keyFile: nameOf('tls.key'),
    clientCaFile: nameOf('ca.crt'),
    put,
    remove: () => rm(folder, { recursive: true }),
  };
}

export const authority = createAuthority('authority of the tests');
export const clientAuthority = createAuthority('authority of the senders');

/** A server's certificate for loopback. */
export function serverCertificate(from: Authority = authority, notAfter?: Date): Issued {
  const names = { commonName: 'webhook', dnsNames: ['localhost'], addresses: ['127.0.0.1'] };
  return from.issue(notAfter ? { ...names, notAfter } : names);
}

/** The files of a Secret that cert-manager fills. */
export function secretFiles({ cert, key }: Issued): Record<string, string> {
  return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': clientAuthority.cert };
}

export interface TlsAnswer {
  readonly status: number;
  /** Serial number of the server's certificate. */
  readonly serial: string;
}

export type Post = (body: string, headers?: Readonly<Record<string, string>>, path?: string) => Promise<TlsAnswer>;

/** A sender that trusts the authority of the tests, and keeps its connection. */
export function tlsSender(world: World, options: AgentOptions = {}): { post: Post; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert, ...options });
  return {
    async post(body, headers = {}, path = '/events') {
      const port = world.webhook.httpAddress?.port ?? 0;
      const sending = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers });
      sending.end(body);
      const [response] = (await once(sending, 'response')) as [IncomingMessage];
      const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume();
      await once(response, 'end');
      return { status: response.statusCode ?? 0, serial: serialNumber };
    },
    close: () => agent.destroy(),
  };
}
