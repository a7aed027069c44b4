import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { project, region, type Stores, startStores } from '../../scripts/demo/stores.ts';
import { type FaultProxy, startFaultProxy } from '../peers/fault-proxy.ts';
import { eventually } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { type Program, startProgram } from '../program/start-program.ts';
import { awsCredentials, settingsFor } from './settings.ts';

/** Requests by peer, each as `<operation> <count>`, in the order of their names; `–` = none. */
type Row = Readonly<Record<'Vault' | 'AWS' | 'Azure' | 'GCP', string>>;

const others = Array.from({ length: 9 }, (_, index) => `other-${index}`);

let vault: VaultPeer;
let stores: Stores;
let beforeVault: FaultProxy;
let beforeAws: FaultProxy;
let program: Program;
let folder: string;
/** What `docs/reference/calls.md` promises, by case. */
let promised: ReadonlyMap<string, Row>;

beforeAll(async () => {
  promised = rowsOf(await readFile('docs/reference/calls.md', 'utf8'));
  [vault, stores] = await Promise.all([startVault(), startStores({ aws: 'calls/one', azure: 'one', gcp: 'one' })]);
  beforeVault = await startFaultProxy({ upstream: vault.address });
  beforeAws = await startFaultProxy({ upstream: stores.aws.endpoint });
  folder = await mkdtemp(join(tmpdir(), 'vss-calls-'));
  for (const name of others) await put(name, 'first');
  await writeManifest({});
  const settings = settingsFor(vault, stores);
  program = await startProgram({
    settings: {
      ...settings,
      vaults: [{ name: 'main', address: beforeVault.url, auth: { method: 'token', token: vault.token } }],
      stores: { ...(settings['stores'] as object), aws: { endpoint: beforeAws.url, region } },
      manifests: { directory: folder },
    },
    env: awsCredentials,
  });
  await vault.enableAuditSocket({ host: '127.0.0.1', port: program.tcpPort ?? 0 });
  // A webhook that starts asks for a reconcile, a moment later: it is no part of any case.
  await eventually(async () => (await program.metric('vss_jobs_total', { kind: 'mount', outcome: 'done' })) > 0, {
    what: 'the reconcile that a start asks for',
  });
  await quiet();
}, 600_000);

afterAll(async () => {
  await program?.stop();
  await Promise.all([beforeVault?.stop(), beforeAws?.stop()]);
  await Promise.all([vault?.stop(), stores?.stop()]);
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('requests that each case costs, counted at the peers, are what the reference says', () => {
  test.each([
    ['a new secret', () => put('one', 'first')],
    ['a change', () => put('one', 'second')],
    ['another change', () => put('one', 'third')],
    ['the same content again', () => put('one', 'third')],
    ['the secret is deleted', () => vault.cli(['kv', 'delete', 'secret/calls/one'])],
    ['it is put again', () => put('one', 'fourth')],
    ['a full reconcile of 10 unchanged secrets', () => writeManifest({ refreshInterval: '2h' })],
    ['a full reconcile after 10 tags were changed', () => writeManifest({ tag: 'b' })],
    ['a full reconcile with driftPolicy: Ignore', () => writeManifest({ tag: 'b', driftPolicy: 'Ignore' })],
    ['a dry run of 10 unchanged secrets', () => writeManifest({ tag: 'b', dryRun: true })],
  ] as const)('%s', async (name, act) => {
    await forget();

    await act();
    await quiet();

    expect({ [name]: atLeast(await counted(), promised.get(name)) }).toEqual({ [name]: promised.get(name) });
  });
});

async function put(name: string, password: string): Promise<void> {
  await vault.cli(['kv', 'put', `secret/calls/${name}`, `password=${password}`]);
}

async function writeManifest({ tag = 'a', ...policies }: Readonly<Record<string, unknown>>): Promise<void> {
  const { vaultUrl } = stores.azure;
  const manifest = {
    apiVersion: 'vaultsecretsync.dev/v1alpha1',
    kind: 'VaultSecretSync',
    metadata: { name: 'calls' },
    spec: {
      source: { path: 'secret/calls/(.*)' },
      ...policies,
      dest: [
        { aws: { name: 'calls/$1', region, tags: { tag } } },
        { azure: { vaultUrl, name: '$1', tags: { tag } } },
        { gcp: { project, name: '$1', labels: { tag } } },
      ],
    },
  };
  await writeFile(join(folder, 'calls.yaml'), stringify(manifest));
}

/** Until at least one job has ended since the last call and nothing has been asked of anybody for two seconds. */
async function quiet(): Promise<void> {
  const jobs = await program.metric('vss_jobs_total');
  await eventually(async () => (await program.metric('vss_jobs_total')) > lastJobs, { what: 'a job to end' });
  let seen = '';
  let since = Date.now();
  await eventually(
    async () => {
      const now = JSON.stringify([await counted(), await program.metric('vss_jobs_total')]);
      if (now !== seen) since = Date.now();
      seen = now;
      return Date.now() - since >= 2_000;
    },
    { what: 'the program to be quiet', within: 60_000, every: 50 },
  );
  lastJobs = Math.max(jobs, await program.metric('vss_jobs_total'));
}

let lastJobs = 0;

async function forget(): Promise<void> {
  beforeVault.forget();
  beforeAws.forget();
  await stores.azure.clearRequests();
  await stores.gcp.forgetRequests();
}

async function counted(): Promise<Row> {
  return {
    Vault: sum(
      beforeVault.requests.flatMap(({ method, path }) => {
        // What the tests themselves do does not go through the proxy.
        if (path.startsWith('/v1/sys/internal/ui/mounts')) return ['mount'];
        if (method === 'LIST' || path.startsWith('/v1/secret/metadata/')) return ['list'];
        return path.startsWith('/v1/secret/') ? ['read'] : [];
      }),
    ),
    AWS: sum(beforeAws.requests.map(({ target }) => target?.split('.').pop() ?? 'unknown')),
    Azure: sum((await stores.azure.requests()).map(({ operation }) => operation)),
    GCP: sum((await stores.gcp.requests()).map(({ method }) => method)),
  };
}

function sum(operations: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const operation of operations) counts.set(operation, (counts.get(operation) ?? 0) + 1);
  return (
    [...counts]
      .map(([operation, count]) => `${operation} ${count}`)
      .sort()
      .join(', ') || '–'
  );
}

/** What was counted, with `<operation> <count>+` for a count that is promised as a least one and was reached. */
function atLeast(row: Row, promise: Row | undefined): Row {
  const words = (peer: keyof Row) =>
    row[peer].split(', ').map((word) => {
      const [operation = '', count = '0'] = word.split(' ');
      const least = new RegExp(`\\b${operation} (\\d+)\\+`).exec(promise?.[peer] ?? '');
      return least && Number(count) >= Number(least[1]) ? least[0] : word;
    });
  return {
    Vault: words('Vault').join(', '),
    AWS: words('AWS').join(', '),
    Azure: words('Azure').join(', '),
    GCP: words('GCP').join(', '),
  };
}

/** The rows of the page's one table. */
function rowsOf(page: string): Map<string, Row> {
  const rows = page.split('\n').filter((line) => /^\| [^-]/.test(line));
  return new Map(
    rows.slice(1).map((line) => {
      const [name = '', Vault = '', AWS = '', Azure = '', GCP = ''] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [name, { Vault, AWS, Azure, GCP }] as const;
    }),
  );
}
