import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { apiVersion, kind } from '../../src/crd/vault-secret-sync.ts';
import { eventually } from '../../test/peers/processes.ts';
import { startRedis } from '../../test/peers/start-redis.ts';
import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { startAzureKeyVault } from '../../test/stand-ins/azure-key-vault/start.ts';
import { startGcpSecretManager } from '../../test/stand-ins/gcp-secret-manager/start.ts';
import { loopbackSettings } from '../loopback-settings.ts';
import { seededRandom } from './random.ts';

/**
 * Three operators (or `--operators`) are killed and restarted at random while secrets change at random; when it is quiet
 * again every copy must be what Vault says (a new leader reconciles once; nothing else is asked for). Bounded by
 * `--seconds`, repeatable by `--seed`.
 */
const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    operators: { type: 'string', default: '3' },
    secrets: { type: 'string', default: '40' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(
    'make soak: kills and restarts operators at random while secrets change; flags: --seconds 60 --seed 1 --operators 3 --secrets 40',
  );
  process.exit(0);
}
const random = seededRandom(Number(flags.seed));
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const say = (line: string) => console.log(line);
const closers: (() => Promise<unknown>)[] = [];
const counts = { changes: 0, kills: 0, restarts: 0 };

const project = 'demo-project';
const names = Array.from({ length: Number(flags.secrets) }, (_, index) => `s${index}`);

try {
  process.exitCode = (await soak()) === 0 ? 0 : 1;
} finally {
  for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(String(error)));
}

async function soak(): Promise<number> {
  say(`soak: ${flags.seconds} s, seed ${flags.seed}, ${flags.operators} operators, ${names.length} secrets`);
  const folder = await mkdtemp(join(tmpdir(), 'vss-soak-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const [vault, redis] = await Promise.all([startVault(), startRedis({ appendOnly: true })]);
  const azure = await startAzureKeyVault({ deletingMs: 20, recoveringMs: 20 });
  const gcp = await startGcpSecretManager({ projects: [{ id: project, number: '123456789012' }] });
  closers.push(() => Promise.all([vault.stop(), redis.stop(), azure.stop(), gcp.stop()]));
  await writeFile(join(folder, 'soak.yaml'), stringify(manifest(azure.vaultUrl)));
  const settings = {
    ...loopbackSettings({ name: 'soak', vault, aws: { endpoint: 'http://127.0.0.1:1' }, azure, gcp, folder }),
    state: { redis: redis.url },
  };
  const webhook = await startProgram({ settings: { ...settings, roles: ['webhook'] } });
  closers.push(() => webhook.stop());
  await vault.enableAuditSocket({ host: '127.0.0.1', port: webhook.tcpPort ?? 0 });
  const startOperator = () => startProgram({ settings: { ...settings, roles: ['operator'] } });
  const operators = await Promise.all(Array.from({ length: Number(flags.operators) }, startOperator));
  closers.push(() => Promise.all(operators.map((operator) => operator.stop())));

  const until = Date.now() + Number(flags.seconds) * 1000;
  await Promise.all([change(vault, until), kill(operators, startOperator, until)]);
  const { changes, kills, restarts } = counts;
  say(`quiet now: ${changes} changes, ${kills} operators killed, ${restarts} restarted; waiting for the copies`);

  const looks = names.flatMap((name) => [
    { name, store: 'azure', look: async () => liveValue(await azure.secret(name)) },
    { name, store: 'gcp', look: async () => (await gcp.payload(project, name))?.toString('utf8') ?? null },
  ]);
  let lost = 0;
  for (const { name, store, look } of looks) {
    const expected = await whatVaultSays(vault, name);
    await eventually(async () => (await look()) === expected, { what: `${name} in ${store}`, within: 60_000 }).catch(
      () => {
        lost++;
        say(
          `LOST ${name} in ${store}: Vault ${expected === null ? 'has none' : 'has a value'} that the copy does not follow`,
        );
      },
    );
  }
  say(`soak: ${changes} changes, ${kills} kills, ${restarts} restarts, ${looks.length} copies compared, lost ${lost}`);
  return lost;
}

function manifest(vaultUrl: string): unknown {
  return {
    apiVersion,
    kind,
    metadata: { name: 'soak' },
    spec: {
      source: { path: 'secret/soak/(.*)' },
      // No full reconcile mends what the queue might lose.
      refreshInterval: '0',
      // Secrets go by the dozen here, and that is meant.
      maxDeletions: 1_000_000,
      dest: [{ azure: { vaultUrl, name: '$1' } }, { gcp: { project, name: '$1' } }],
    },
  };
}

async function change(vault: VaultPeer, until: number): Promise<void> {
  const place = (kindOf: string, name: string) => `secret/${kindOf}/soak/${name}`;
  const operations = [
    (name: string) => vault.api('POST', place('data', name), { data: { n: String(counts.changes) } }),
    (name: string) => vault.api('POST', place('data', name), { data: { n: String(counts.changes) } }),
    (name: string) =>
      vault.api(
        'PATCH',
        place('data', name),
        { data: { p: String(counts.changes) } },
        { 'Content-Type': 'application/merge-patch+json' },
      ),
    (name: string) => vault.api('DELETE', place('data', name)),
    (name: string) => vault.api('POST', place('undelete', name), { versions: [1, 2, 3, 4, 5, 6, 7, 8] }),
    (name: string) => vault.api('DELETE', place('metadata', name)),
  ];
  while (Date.now() < until) {
    await pick(operations)(pick(names));
    counts.changes++;
    await sleep(random() * 40);
  }
}

async function kill(operators: Program[], start: () => Promise<Program>, until: number): Promise<void> {
  while (Date.now() < until) {
    await sleep(1_000 + random() * 4_000);
    const index = Math.floor(random() * operators.length);
    // As a node that dies, or as a rolling restart.
    const isKilled = random() < 0.7;
    await operators[index]?.stop(isKilled ? 'SIGKILL' : 'SIGTERM');
    counts[isKilled ? 'kills' : 'restarts']++;
    await sleep(random() * 1_000);
    operators[index] = await start();
  }
}

async function whatVaultSays(vault: VaultPeer, name: string): Promise<string | null> {
  const { status, body } = await vault.api('GET', `secret/data/soak/${name}`);
  if (status === 404) return null;
  const { data } = (body as { data: { data: Record<string, string> } }).data;
  return JSON.stringify(Object.fromEntries(Object.entries(data).sort()));
}

function liveValue(secret: { readonly phase: string; readonly value: string } | null): string | null {
  return secret?.phase === 'live' ? secret.value : null;
}
