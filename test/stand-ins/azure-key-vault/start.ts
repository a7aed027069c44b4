import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StoredSecret } from './admin.ts';
import type { Fault } from './faults.ts';
import type { AccessRules } from './permissions.ts';
import type { GivenSecret } from './rules.ts';
import type { LoggedRequest } from './service.ts';

/** How the stand-in behaves; `main.ts --help` has the defaults. Durations in milliseconds. */
export interface AzureKeyVaultOptions {
  readonly deletingMs?: number;
  readonly recoveringMs?: number;
  readonly settlingMs?: number;
  readonly recoverableDays?: number;
  readonly purgeProtection?: boolean;
  readonly tokenLifetimeSeconds?: number;
  readonly assertionSubject?: string;
  readonly resource?: string;
  readonly creationsPer10s?: number;
  readonly callsPer10s?: number;
  readonly port?: number;
  readonly adminPort?: number;
}

/** What a running stand-in says of itself. */
interface Address {
  /** The vault at `localhost`; `https://127.0.0.1:<same port>` is a second, separate one. */
  readonly vaultUrl: string;
  /** Base of `/{tenant}/oauth2/v2.0/token`. */
  readonly authorityHost: string;
  readonly adminUrl: string;
  /** Where a machine asks for the token of its managed identity. */
  readonly metadataUrl: string;
  /** The same for an app, and what it must say there. */
  readonly appIdentityUrl: string;
  readonly appIdentityHeader: string;
  readonly caFile: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A running stand-in and the switches of its admin port. */
export interface AzureKeyVaultStandIn extends Address {
  requests(): Promise<LoggedRequest[]>;
  clearRequests(): Promise<void>;
  fault(fault: Fault): Promise<void>;
  clearFaults(): Promise<void>;
  /** Calls that hang, and whose caller has not hung up. */
  hanging(): Promise<number>;
  revokeTokens(): Promise<void>;
  /** Registers another application, or gives one another secret; tokens that it has stay good. */
  register(
    clientId: string,
    proof: { readonly clientSecret: string; readonly assertionSubject?: string },
  ): Promise<void>;
  /** All that the application may do from now on; everything where nothing is given. */
  allow(rules?: AccessRules): Promise<void>;
  /** TLS connections since the start. */
  connections(): Promise<number>;
  /** What is stored in the vault at `localhost`, values included. */
  secrets(): Promise<StoredSecret[]>;
  secret(name: string): Promise<StoredSecret | null>;
  /** A new version as somebody makes it by hand: without tags, unless they are given. */
  setByHand(name: string, given: GivenSecret & { value: string }): Promise<void>;
  /** A change of metadata by hand: tags as a whole, and what is given besides. */
  updateByHand(name: string, given: Omit<GivenSecret, 'value'>): Promise<void>;
  /** A deletion by hand; it takes its time. */
  deleteByHand(name: string): Promise<void>;
  /** The secret of a certificate. */
  setManaged(name: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the stand-in as a process of its own; it ends with `stop`, or with the process that started it. */
export async function startAzureKeyVault(options: AzureKeyVaultOptions = {}): Promise<AzureKeyVaultStandIn> {
  const program = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, [program, '--exit-with-stdin', ...flagsOf(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const address = await readAddress(child);
  const { adminUrl } = address;
  return {
    ...address,
    requests: async () => (await ask(adminUrl, 'GET', 'requests')) as LoggedRequest[],
    clearRequests: async () => void (await ask(adminUrl, 'DELETE', 'requests')),
    fault: async (fault) => void (await ask(adminUrl, 'POST', 'faults', fault)),
    clearFaults: async () => void (await ask(adminUrl, 'DELETE', 'faults')),
    hanging: async () => ((await ask(adminUrl, 'GET', 'hanging')) as { count: number }).count,
    register: async (clientId, proof) => void (await ask(adminUrl, 'PUT', `applications/${clientId}`, proof)),
    revokeTokens: async () => void (await ask(adminUrl, 'DELETE', 'tokens')),
    allow: async (rules) => void (await ask(adminUrl, rules ? 'PUT' : 'DELETE', 'access', rules)),
    connections: async () => ((await ask(adminUrl, 'GET', 'connections')) as { count: number }).count,
    secrets: async () => (await ask(adminUrl, 'GET', 'secrets')) as StoredSecret[],
    secret: async (name) => (await ask(adminUrl, 'GET', `secrets/${name}`)) as StoredSecret | null,
    setByHand: async (name, given) => void (await ask(adminUrl, 'PUT', `secrets/${name}`, given)),
    updateByHand: async (name, given) => void (await ask(adminUrl, 'PATCH', `secrets/${name}`, given)),
    deleteByHand: async (name) => void (await ask(adminUrl, 'DELETE', `secrets/${name}`)),
    setManaged: async (name, value) => void (await ask(adminUrl, 'PUT', `managed/${name}`, { value })),
    stop: () => stop(child),
  };
}

function flagsOf(options: AzureKeyVaultOptions): string[] {
  const flags: [string, number | string | undefined][] = [
    ['deleting-ms', options.deletingMs],
    ['recovering-ms', options.recoveringMs],
    ['settling-ms', options.settlingMs],
    ['recoverable-days', options.recoverableDays],
    ['token-lifetime', options.tokenLifetimeSeconds],
    ['assertion-subject', options.assertionSubject],
    ['resource', options.resource],
    ['creations-per-10s', options.creationsPer10s],
    ['calls-per-10s', options.callsPer10s],
    ['port', options.port],
    ['admin-port', options.adminPort],
  ];
  const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)]));
  return options.purgeProtection ? [...given, '--purge-protection'] : given;
}

async function readAddress(child: ChildProcess): Promise<Address> {
  if (!child.stdout) throw new Error('the stand-in has no standard output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) return JSON.parse(line) as Address;
  throw new Error('the Azure Key Vault stand-in ended before it was ready');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Asks the admin port; null where it has no such thing. */
async function ask(adminUrl: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${adminUrl}/_admin/${path}`, {
    method,
    headers: { connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`the stand-in refused ${method} ${path}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
