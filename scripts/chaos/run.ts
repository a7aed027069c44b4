import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { composeState } from '../../src/cli/compose/state.ts';
import { apiVersion, kind } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import { applyDefinitions } from '../../test/e2e/definitions.ts';
import { type KubernetesPeer, startKubernetes } from '../../test/peers/start-kubernetes.ts';
import { startVault } from '../../test/peers/start-vault.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { compareWhenQuiet, type Difference } from './comparison.ts';
import { disturb } from './disturb.ts';
import { History } from './history.ts';
import { describeDisturbance, drawPlan, type RedisMode, type Role, replicasOfRole, type Sender } from './plan.ts';
import { seededRandom } from './random.ts';
import { startDisturbedRedis } from './redis.ts';
import { type Counted, Replica } from './replicas.ts';
import { Shipper } from './shipper.ts';
import { project, startStores } from './stores.ts';
import { writeSecrets } from './writer.ts';

export interface RunOptions {
  readonly redis: RedisMode;
  /** Seconds in which things go wrong. */
  readonly seconds: number;
  readonly seed: number;
  /** By the seed where it is not given. */
  readonly sender: Sender | undefined;
  readonly secrets: number;
  /** Seconds after that until every copy must be right. */
  readonly patience: number;
}

/** How it ended: copies that were compared, and those that are wrong. */
export interface Outcome {
  readonly compared: number;
  readonly lost: number;
  /** Wrong too, but nobody told the product of the latest change. */
  readonly unheard: number;
}

/** Everything runs, goes wrong by the seed, is mended, and every copy is compared with Vault. Says what it does. */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const closers: Closer[] = [];
  try {
    return await run(options, closers);
  } finally {
    for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(String(error)));
  }
}

type Closer = () => Promise<unknown>;

const say = (line: string) => console.log(line);

async function run(options: RunOptions, closers: Closer[]): Promise<Outcome> {
  const { redis: redisMode, seconds, seed, secrets, patience } = options;
  const forMs = seconds * 1000;
  const plan = drawPlan({ random: seededRandom(seed), forMs, redis: redisMode, sender: options.sender });
  const words = { again: 'sends until it hears 200', once: 'sends each entry once' }[plan.sender];
  say(`chaos: seed ${seed}, ${seconds} s, Redis ${redisMode}, ${secrets} secrets; the sender ${words}`);
  for (const { role, who, offMs } of plan.clocks) say(`the clock of ${role} ${who} is off by ${offMs / 1000} s`);
  for (const disturbance of plan.disturbances) say(describeDisturbance(disturbance));

  const vault = await startVault();
  closers.push(() => vault.stop());
  const redis = await startDisturbedRedis(redisMode);
  closers.push(() => redis.stop());
  const stores = await startStores();
  closers.push(() => stores.stop());
  const kubernetes = await startKubernetes();
  closers.push(() => kubernetes.stop());
  await applyDefinitions(kubernetes);
  const applied = await kubernetes.kubectl(['apply', '-f', '-'], manifests(stores.azure.vaultUrl));
  if (applied.code !== 0) throw new Error(applied.stderr);

  const { aws, azure, gcp } = stores;
  const settings = {
    ...loopbackSettings({ name: 'chaos', vault, aws, azure, gcp, folder: '' }),
    manifests: { kubeconfig: kubernetes.adminKubeconfig },
  };
  const replicasOf = (role: Role) =>
    Array.from({ length: replicasOfRole }, (_, index) => {
      const offMs = plan.clocks.find((clock) => clock.role === role && clock.who === index)?.offMs ?? 0;
      // AWS counts versions a day; a day's worth passes in seconds here.
      const patient = { ...settings.stores, aws: { ...settings.stores.aws, versionsPerDay: 1_000_000 } };
      const own = { ...settings, stores: patient, state: redis.settingsFor(role) };
      return new Replica({ role, index, offMs, settings: own });
    });
  const replicas = { webhook: replicasOf('webhook'), operator: replicasOf('operator') };
  const all = [...replicas.webhook, ...replicas.operator];
  closers.push(() => Promise.all(all.map((replica) => replica.end('SIGTERM'))));
  await Promise.all(all.map((replica) => replica.start()));
  say('everything runs');

  const history = new History();
  const shipper = new Shipper({
    file: vault.auditFile,
    sender: plan.sender,
    doors: () => replicas.webhook.map(({ name, url }) => ({ name, url })),
    random: seededRandom(seed + 1),
    history,
  });
  await shipper.start();
  closers.push(() => shipper.close());
  const names = Array.from({ length: secrets }, (_, index) => `s${index}`);
  const written = { puts: 0, deletions: 0, undeletions: 0, recreations: 0 };
  const done: Record<string, number> = {};
  const counted = () => sum(all.map((replica) => replica.counts()));
  const progress = () =>
    say(`${(history.now() / 1000).toFixed(0).padStart(6)} s  ${line({ ...written, ...shipper.counts })}`);
  const ticking = setInterval(progress, 10_000);
  const scraping = setInterval(() => void Promise.all(all.map((replica) => replica.scrape())), 2_000);
  closers.push(async () => {
    clearInterval(ticking);
    clearInterval(scraping);
  });

  await Promise.all([
    writeSecrets({
      ...{ vault, names, history, counts: written },
      random: seededRandom(seed + 2),
      isOver: () => history.now() > forMs,
    }),
    ...plan.disturbances.map(async (disturbance) => {
      await sleep(disturbance.at);
      const what = disturbance.kind === 'redis' ? `Redis ${disturbance.trouble}` : disturbance.kind;
      const befallen = await disturb({ redis, replicas, stores: stores.all }, disturbance);
      done[what] = (done[what] ?? 0) + befallen;
    }),
  ]);
  const mendedAt = history.now();
  say(
    `${(mendedAt / 1000).toFixed(0).padStart(6)} s  everything is mended, nothing more is changed; waiting until it is quiet`,
  );

  const silent = createLogger({ level: 'silent' });
  const states = await composeState({ roles: ['operator'], state: redis.settingsFor('operator') }, silent);
  closers.push(() => states.close());
  let last = '';
  const differences = await compareWhenQuiet({
    ...{ vault, names, stores: stores.all, withinMs: patience * 1000 },
    isQuiet: async () => shipper.isIdle() && (await states.operator?.jobs.pending()) === 0,
    onLook(found, isQuiet) {
      const look = `${found.length} copies differ, ${isQuiet ? 'nothing' : 'something'} is under way`;
      if (look !== last) say(`${(history.now() / 1000).toFixed(1).padStart(6)} s  ${look}`);
      last = look;
    },
  });
  clearInterval(ticking);

  await Promise.all(all.map((replica) => replica.scrape()));
  // What nobody told the product of, it promises nothing about.
  const unheard = differences.filter(({ secret }) => history.lastFate(secret) === 'unheard');
  const lost = differences.filter((difference) => !unheard.includes(difference));
  for (const difference of differences) tell(difference, history, unheard.includes(difference) ? 'UNHEARD' : 'LOST');
  if (differences.length > 0) await keepLogs(all, kubernetes, `dist/chaos/${redisMode}`);
  say(`Vault: ${line(written)}`);
  say(`sender: ${line({ ...shipper.counts })}`);
  const { failovers } = redis;
  say(`disturbances: ${line(done)}${failovers() > 0 ? `; Redis failed over ${failovers()} times` : ''}`);
  say(`the product: ${line(counted())}`);
  say(`it took ${((history.now() - mendedAt) / 1000).toFixed(1)} s until every copy was right and all was quiet`);
  return { compared: names.length * stores.all.length, lost: lost.length, unheard: unheard.length };
}

/** Two syncs, as `kubectl apply` takes them. */
function manifests(vaultUrl: string): string {
  const spec = {
    source: { path: 'secret/chaos/(.*)' },
    // No full reconcile by the clock mends what was lost.
    refreshInterval: '0',
    // Secrets go by the dozen here, and that is meant.
    maxDeletions: 1_000_000,
  };
  const two = [{ aws: { region, name: 'chaos/$1' } }, { azure: { vaultUrl, name: '$1' } }];
  const one = [{ gcp: { project, name: '$1' } }];
  const syncs = { 'to-two': two, 'to-one': one };
  return Object.entries(syncs)
    .map(([name, dest]) => stringify({ apiVersion, kind, metadata: { name }, spec: { ...spec, dest } }))
    .join('---\n');
}

function tell({ secret, store, expected, found }: Difference, history: History, what: string): void {
  say(`${what} ${secret} in ${store}: Vault has ${expected ?? 'none'}, the copy is ${found ?? 'missing'}`);
  for (const event of history.latest(secret)) say(`  ${event}`);
}

/** So that somebody can find out why. */
async function keepLogs(all: readonly Replica[], { kubectl }: KubernetesPeer, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const replica of all) await writeFile(`${folder}/${replica.name.replace(' ', '-')}.ndjson`, replica.log());
  const { stdout } = await kubectl(['get', 'vaultsecretsyncs', '--output', 'yaml']);
  await writeFile(`${folder}/syncs.yaml`, stdout);
  say(`the logs of all processes, and what the syncs say of themselves, are in ${folder}/`);
}

function line(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ');
}

function sum(all: readonly Counted[]): Counted {
  const [first, ...others] = all as [Counted, ...Counted[]];
  return others.reduce((total, one) => {
    const entries = Object.entries(total).map(([what, count]) => [what, count + one[what as keyof Counted]]);
    return Object.fromEntries(entries) as Counted;
  }, first);
}
