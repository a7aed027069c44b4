import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { apiVersion, kind } from '../../src/crd/vault-secret-sync.ts';
import { eventually } from '../../test/peers/processes.ts';
import { startVault } from '../../test/peers/start-vault.ts';
import { startProgram } from '../../test/program/start-program.ts';
import { awsCredentials, loopbackSettings, region } from '../loopback-settings.ts';
import { copyName, project, type Stores, startStores } from './stores.ts';
import { steps, type World } from './tour.ts';

/**
 * The main job, shown: a real Vault, three stores on loopback, vault-secret-sync as one process that needs neither Redis
 * nor Kubernetes, and Vault's own audit device pointed at it. A tour; then, on a terminal, it stays up to play with.
 */
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
const say = (line: string) => console.log(line);
const closers: (() => Promise<unknown>)[] = [];
const folder = await mkdtemp(join(tmpdir(), 'vss-demo-'));
closers.push(() => rm(folder, { recursive: true, force: true }));

const interrupted = new Promise<void>((resolve) => {
  process.once('SIGINT', resolve).once('SIGTERM', resolve);
});

try {
  const tour = await Promise.race([main(), interrupted.then(() => null)]);
  if (tour === null) process.exitCode = 130;
  else if (tour.failed > 0) process.exitCode = 1;
  else if (interactive) {
    playground(tour.world);
    await interrupted;
  }
} finally {
  for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(String(error)));
}

async function main(): Promise<{ failed: number; world: World }> {
  const world = await startWorld();
  say('');
  const timings: number[] = [];
  let failed = 0;
  for (const [index, step] of steps.entries()) {
    say(`${index + 1}/${steps.length}  ${step.title}\n      $ ${step.command}`);
    try {
      await step.run(world, timings);
    } catch (error) {
      failed++;
      say(`      FAILED step ${index + 1} (${step.title}): ${(error as Error).message}`);
      say(world.program.text().split('\n').slice(-10).join('\n'));
    }
  }
  timings.sort((left, right) => left - right);
  const p50 = Math.round(timings[Math.floor(timings.length / 2)] ?? Number.NaN);
  say(
    `\ntour: ${steps.length} steps, ${failed} failed, change to copy p50 ${p50} ms, max ${Math.round(timings.at(-1) ?? Number.NaN)} ms`,
  );
  return { failed, world };
}

async function startWorld(): Promise<World> {
  say('starting a real Vault (dev server)');
  const vault = await startVault();
  closers.push(() => vault.stop());
  say(`starting the stores on loopback: moto for AWS, the project's stand-ins for Azure and GCP`);
  const stores = await startStores();
  closers.push(() => stores.stop());
  const manifest = await writeManifest(stores);
  say('starting vault-secret-sync: one process, in-process queue, manifests from a folder');
  const program = await startProgram({
    settings: loopbackSettings({ name: 'demo', vault, ...stores, folder }),
    env: awsCredentials,
  });
  closers.push(() => program.stop());
  if (program.tcpPort === null) throw new Error('vault-secret-sync has no TCP listener');
  say("pointing Vault's socket audit device at it (beside a file device, so that nothing can stop Vault)");
  await vault.enableAuditSocket({ host: '127.0.0.1', port: program.tcpPort });
  // As whoever runs it would: the tour begins once the first full reconcile has been through.
  await eventually(async () => (await program.metric('vss_jobs_total', { kind: 'sync', outcome: 'done' })) > 0, {
    what: 'the first full reconcile',
  });
  return { vault, stores, program, manifest, say };
}

async function writeManifest({ azure }: Stores): Promise<World['manifest']> {
  const content = {
    apiVersion,
    kind,
    metadata: { name: 'app' },
    spec: {
      source: { path: 'secret/app' },
      dest: [
        { aws: { name: copyName.aws, region } },
        { azure: { vaultUrl: azure.vaultUrl, name: copyName.azure } },
        { gcp: { project, name: copyName.gcp } },
      ],
    },
  };
  const file = join(folder, 'app.yaml');
  await writeFile(file, stringify(content));
  return { file, content };
}

function playground({ vault, stores, program, manifest }: World): void {
  say(`
It stays up until you press Ctrl-C. In another terminal:

  export VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.token}
  ${vault.bin} kv put secret/app user=ada password=mine     change the secret
  ${vault.bin} kv delete secret/app                         remove it

Look at the copies:

${stores.all.map(({ name, howToLook }) => `  ${name}:\n    ${howToLook}`).join('\n')}

The manifest, read again when you save it: ${manifest.file}
Metrics: ${program.opsUrl}/metrics   ready: ${program.opsUrl}/readyz`);
}
