import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { composeState } from '../../src/cli/compose/state.ts';
import { apiVersion, kind } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import { applyDefinitions } from '../../test/e2e/definitions.ts';
import { startKubernetes } from '../../test/peers/start-kubernetes.ts';
import { startVault } from '../../test/peers/start-vault.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { compareWhenQuiet, type Difference } from './comparison.ts';
import { disturb } from './disturb.ts';
import { History } from './history.ts';
import { describeDisturbance, drawPlan, type RedisMode, type Role, redisModes, replicasOfRole } from './plan.ts';
import { seededRandom } from './random.ts';
import { startDisturbedRedis } from './redis.ts';
import { type Counted, Replica } from './replicas.ts';
import { Shipper } from './shipper.ts';
import { project, startStores } from './stores.ts';
import { writeSecrets } from './writer.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    redis: { type: 'string', default: 'standalone' },
    sender: { type: 'string' },
    secrets: { type: 'string', default: '40' },
    // Longer than the five minutes that lie between two reconciles which a webhook or a Redis that evicts asks for.
    patience: { type: 'string', default: '360' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(
    [
      'make chaos: three webhooks and three operators on one Redis while everything goes wrong; then every copy is compared with Vault.',
      'DURATION=60 seconds of it, SEED=1, REDIS=standalone|sentinel|cluster (Valkey: REDIS_BIN).',
      'Flags of this program: --seconds 60 --seed 1 --redis standalone --sender again|once --secrets 40 --patience 360',
      'The seed decides what goes wrong and when; what the processes make of it differs from run to run.',
    ].join('\n'),
  );
  process.exit(0);
}

const say = (line: string) => console.log(line);
const closers: (() => Promise<unknown>)[] = [];
const forMs = Number(flags.seconds) * 1000;
const seed = Number(flags.seed);
const mode = redisModes.find((known) => known === flags.redis);
const sender = ([undefined, 'again', 'once'] as const).find((known) => known === flags.sender);

try {
  if (mode === undefined) throw new Error(`--redis is one of ${redisModes.join(', ')}, not ${flags.redis}`);
  process.exitCode = (await chaos(mode)) === 0 ? 0 : 1;
} finally {
  for (const close of closers.reverse()) await close().catch((error: unknown) => console.error(String(error)));
}

/** How many copies are wrong in the end. */
async function chaos(redisMode: RedisMode): Promise<number> {
  const plan = drawPlan({ random: seededRandom(seed), forMs, redis: redisMode, sender });
  const words = { again: 'sends until it hears 200', once: 'sends each entry once' }[plan.sender];
  say(`chaos: seed ${seed}, ${flags.seconds} s, Redis ${redisMode}, ${flags.secrets} secrets; the sender ${words}`);
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
  const names = Array.from({ length: Number(flags.secrets) }, (_, index) => `s${index}`);
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
      await disturb({ redis, replicas, stores: stores.all }, disturbance);
      const what = disturbance.kind === 'redis' ? `Redis ${disturbance.trouble}` : disturbance.kind;
      done[what] = (done[what] ?? 0) + ('who' in disturbance ? disturbance.who.length : 1);
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
    ...{ vault, names, stores: stores.all, withinMs: Number(flags.patience) * 1000 },
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
  if (differences.length > 0) await keepLogs(all);
  say(`Vault: ${line(written)}`);
  say(`sender: ${line({ ...shipper.counts })}`);
  say(`disturbances: ${line(done)}`);
  say(`the product: ${line(counted())}`);
  say(`it took ${((history.now() - mendedAt) / 1000).toFixed(1)} s until every copy was right and all was quiet`);
  const compared = names.length * stores.all.length;
  say(`${compared} copies compared${unheard.length > 0 ? `, unheard ${unheard.length}` : ''}, lost ${lost.length}`);
  return lost.length;
}

/** Two syncs, as `kubectl apply` takes them. */
function manifests(vaultUrl: string): string {
  const spec = {
    source: { path: 'secret/chaos/(.*)' },
    // No full reconcile by the clock mends what was lost.
    refreshInterval: '0',
    // A copy whose record and whose secret are both gone is known by its mark alone: with Retain it would stay.
    removalPolicy: 'Delete',
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
async function keepLogs(all: readonly Replica[]): Promise<void> {
  await mkdir('dist/chaos', { recursive: true });
  for (const replica of all) await writeFile(`dist/chaos/${replica.name.replace(' ', '-')}.ndjson`, replica.log());
  say('the logs of all processes are in dist/chaos/');
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
