import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SecretView } from './admin.ts';
import type { Callers } from './callers.ts';
import type { Fault } from './faults.ts';
import type { Project } from './resources.ts';
import type { RequestRecord } from './service.ts';

export type { Fault, Project, RequestRecord, SecretView };

export interface StartOptions {
  /** Default: one project, `demo-project`. */
  readonly projects?: readonly Project[];
  /** gRPC port; default: a free one. */
  readonly port?: number;
  /** Port of the admin routes; default: a free one. */
  readonly adminPort?: number;
  /** Calls that each project takes within a minute; any number unless said. Google: 600. */
  readonly writesPerMinute?: number;
  /** Google: 600. */
  readonly readsPerMinute?: number;
  /** Of values; Google: 90,000. */
  readonly accessesPerMinute?: number;
  /** Whether one secret takes only so many changes as with Google: 2 a second; not unless said. */
  readonly secretQuotas?: boolean;
  /** How long after a write lists and `latest` show what was there before; 0 unless said. */
  readonly settlingMs?: number;
  /** Bearer token that every call must bring; default: none. */
  readonly token?: string;
}

/** A running stand-in, in a process of its own. */
export interface GcpSecretManager {
  /** `host:port` of the gRPC interface, without TLS. */
  readonly endpoint: string;
  /** `host:port` of the REST interface, without TLS. */
  readonly restEndpoint: string;
  /** `host:port` of both, with TLS. */
  readonly tlsEndpoint: string;
  /** The certificate authority to trust for it. */
  readonly caFile: string;
  readonly adminUrl: string;
  readonly projects: readonly Project[];
  /** Calls since the start or the last `forgetRequests`, oldest first. */
  requests(): Promise<RequestRecord[]>;
  forgetRequests(): Promise<void>;
  /** Switches a fault on; several apply in the order they were given. */
  fault(fault: Fault): Promise<void>;
  /** Calls that hang, and whose caller has not given up. */
  hanging(): Promise<number>;
  /** Faults that are still on. */
  faults(): Promise<Fault[]>;
  clearFaults(): Promise<void>;
  /** What callers may do from now on: IAM permissions; without them, everything. */
  allow(permissions?: readonly string[]): Promise<void>;
  /** Who is let in from now on; without them, everybody. */
  admit(callers?: Callers): Promise<void>;
  /** How long after a write lists and `latest` show what was there before, from now on. */
  settleIn(ms: number): Promise<void>;
  /** Everything that was written so far is to be seen from now on. */
  settle(): Promise<void>;
  /** TLS handshakes so far. */
  handshakes(): Promise<number>;
  secrets(): Promise<SecretView[]>;
  /** The bytes of the newest version; `null` when there is no such secret or no payload. */
  payload(project: string, name: string): Promise<Buffer | null>;
  stop(): Promise<void>;
}

/** Starts the stand-in as a child process; it ends with `stop` or, at the latest, with this process. */
export async function startGcpSecretManager(options: StartOptions = {}): Promise<GcpSecretManager> {
  const args = [
    fileURLToPath(new URL('main.ts', import.meta.url)),
    '--until-stdin-ends',
    ...['--port', String(options.port ?? 0), '--admin-port', String(options.adminPort ?? 0)],
    ...(options.projects ?? []).flatMap(({ id, number }) => ['--project', `${id}=${number}`]),
    ...(options.token === undefined ? [] : ['--token', options.token]),
    ...(options.secretQuotas ? ['--secret-quotas'] : []),
    ...numbersOf(options),
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const ready = once(createInterface({ input: child.stdout }), 'line');
  const first = await Promise.race([ready, exited.then(() => null)]);
  if (first === null) throw new Error('the GCP Secret Manager stand-in ended before it was ready');
  const places = JSON.parse(String(first[0])) as Pick<
    GcpSecretManager,
    'endpoint' | 'restEndpoint' | 'tlsEndpoint' | 'caFile' | 'adminUrl' | 'projects'
  >;

  async function admin(route: string, init?: RequestInit): Promise<Response> {
    const response = await fetch(new URL(route, places.adminUrl), init);
    if (!response.ok && response.status !== 404)
      throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return response;
  }

  return {
    ...places,
    requests: async () => (await (await admin('/requests')).json()) as RequestRecord[],
    forgetRequests: async () => void (await admin('/requests', { method: 'DELETE' })),
    fault: async (fault) => void (await admin('/faults', { method: 'POST', body: JSON.stringify(fault) })),
    faults: async () => (await (await admin('/faults')).json()) as Fault[],
    hanging: async () => (await (await admin('/hanging')).json()) as number,
    clearFaults: async () => void (await admin('/faults', { method: 'DELETE' })),
    allow: async (permissions) =>
      void (await admin('/permissions', { method: 'PUT', body: JSON.stringify(permissions ?? null) })),
    admit: async (callers) => void (await admin('/callers', { method: 'PUT', body: JSON.stringify(callers ?? null) })),
    settleIn: async (ms) => void (await admin('/settling', { method: 'PUT', body: JSON.stringify({ ms }) })),
    settle: async () => void (await admin('/settled', { method: 'POST' })),
    handshakes: async () => (await (await admin('/handshakes')).json()) as number,
    secrets: async () => (await (await admin('/secrets')).json()) as SecretView[],
    payload: async (project, name) => {
      const response = await admin(`/secrets/${encodeURIComponent(project)}/${encodeURIComponent(name)}/payload`);
      return response.status === 404 ? null : Buffer.from(await response.arrayBuffer());
    },
    stop: async () => {
      child.stdin.end();
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function numbersOf({ writesPerMinute, readsPerMinute, accessesPerMinute, settlingMs }: StartOptions): string[] {
  const flags = {
    '--writes-per-minute': writesPerMinute,
    '--reads-per-minute': readsPerMinute,
    '--accesses-per-minute': accessesPerMinute,
    '--settling-ms': settlingMs,
  };
  return Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
}
