import { setTimeout as sleep } from 'node:timers/promises';
import { startVault } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings } from '../loopback-settings.ts';
import { mapAtOnce, putAll } from './changes.ts';
import { type Bench, type BenchContext, redisIfThere, type Section } from './context.ts';
import { type LinkedStore, type StoreName, startLinked, storeNames } from './linked-stores.ts';
import { writeManifest } from './manifests.ts';
import { untilReconciled } from './running.ts';
import { figure, formatTable, ratio } from './table.ts';

const delayMs = 50;
/** Secrets of one sync are worked on 16 at a time, so several syncs keep as much under way as the bare script does. */
const syncs = 4;
const bareAtOnce = 64;

/** Writes a second to each store, when waiting for its answers is the limit; and how much of a quota is used. */
export const storeSpeed: Bench = {
  name: 'store-speed',
  about: 'new copies in each store: with answers that take 50 ms, then with a quota; then 10,000 unchanged ones',
  async run(context) {
    const speeds: string[][] = [];
    const quotas: string[][] = [];
    const looks: string[][] = [];
    await using stack = new AsyncDisposableStack();
    if (!(await redisIfThere(stack, context))) return [];
    for (const name of storeNames) {
      speeds.push(await measureSpeed(context, name));
      quotas.push(await measureQuota(context, name));
      looks.push(await measureLooks(context, name));
    }
    return [speedSection(speeds), quotaSection(quotas), looksSection(looks)];
  },
};

interface Scene {
  readonly store: LinkedStore;
  /** Starts the operator, which ends with the stack. */
  start(): Promise<Program>;
}

/** A Vault with secrets, one store behind a link, a Redis, and manifests for an operator that copies them. */
async function startScene(
  stack: AsyncDisposableStack,
  context: BenchContext,
  options: {
    readonly name: StoreName;
    readonly copies: number;
    readonly syncs: number;
    readonly delayMs: number;
    readonly quota?: Quota;
  },
): Promise<Scene> {
  const { name, copies, quota } = options;
  const vault = await startVault();
  stack.defer(() => vault.stop());
  const each = Math.ceil(copies / options.syncs);
  const parts = Array.from({ length: options.syncs }, (_, index) => `p${index}`);
  const ids = parts.flatMap((part) => Array.from({ length: each }, (_, index) => `${part}-${index}`));
  await putAll(
    vault,
    ids.map((id) => ({ path: `bench/${id}`, data: { user: 'ada', password: id } })),
  );
  const store = await startLinked(stack, name, {
    delayMs: options.delayMs,
    ...(quota === undefined ? {} : { quota: quota.peer }),
  });
  const folder = await context.newFolder('manifests');
  for (const part of parts) {
    await writeManifest(folder, { name: part, path: `secret/bench/(${part}-.*)`, dest: [store.bare.destination] });
  }
  const redis = await redisIfThere(stack, context);
  const settings = loopbackSettings({ name: 'bench', vault, ...store.peers, folder });
  const stores: Record<string, { callsPerSecond: object } | undefined> = settings.stores;
  const chosen = stores[name];
  if (quota !== undefined && chosen) chosen.callsPerSecond = { read: 1_000, list: 1_000, write: quota.perSecond };
  return {
    store,
    async start() {
      const program = await startProgram({
        settings: { ...settings, roles: ['operator'], state: { redis: redis?.url } },
        env: context.programEnv,
      });
      stack.defer(async () => void (await program.stop()));
      return program;
    },
  };
}

function created(program: Program): Promise<number> {
  return program.metric('vss_copies_total', { result: 'created' });
}

async function untilCreated(program: Program, copies: number): Promise<void> {
  const deadline = Date.now() + 300_000;
  while ((await created(program)) < copies && Date.now() < deadline) await sleep(20);
}

async function measureSpeed(context: BenchContext, name: StoreName): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const copies = context.many(1_000);
  context.say(`${name}: ${copies} new copies, answers after ${delayMs} ms`);
  const { store, start } = await startScene(stack, context, { name, copies, syncs, delayMs });
  const program = await start();
  await untilCreated(program, 1);
  const startedAt = performance.now();
  const before = await created(program);
  await untilCreated(program, copies);
  const ours = (performance.now() - startedAt) / 1000;
  const ids = Array.from({ length: copies }, (_, index) => `bare-${index}`);
  await store.bare.create('bare-warm', 'up');
  const bareAt = performance.now();
  await mapAtOnce(ids, bareAtOnce, (id) => store.bare.create(id, JSON.stringify({ user: 'ada', password: id })));
  const bare = (performance.now() - bareAt) / 1000;
  return [
    store.title,
    String(copies),
    figure((copies - before) / ours),
    figure(copies / bare),
    ratio((copies - before) / ours, copies / bare),
  ];
}

/** What the store takes, and what the settings say of it. */
interface Quota {
  readonly peer: number;
  /** `callsPerSecond.write`: of our writes, which may be several calls. */
  readonly perSecond: number;
  /** Seconds over which the store counts. */
  readonly windowSeconds: number;
  readonly said: string;
}

const quotasOf: Record<StoreName, Quota> = {
  aws: { peer: 50, perSecond: 50, windowSeconds: 1, said: '50 a second' },
  azure: { peer: 300, perSecond: 30, windowSeconds: 10, said: '300 in 10 s' },
  // A new copy takes two calls: the secret, and its version.
  gcp: { peer: 600, perSecond: 5, windowSeconds: 60, said: '600 a minute' },
};

async function measureQuota(context: BenchContext, name: StoreName): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const quota = quotasOf[name];
  const seconds = context.many(90);
  context.say(`${name}: a quota of ${quota.said}, for ${seconds} s`);
  const copies = Math.ceil(quota.perSecond * (seconds + 30));
  const { store, start } = await startScene(stack, context, { name, copies, syncs, delayMs: 0, quota });
  const program = await start();
  await untilCreated(program, 1);
  await store.takeCalls();
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  const { writes, refused } = await store.takeCalls();
  const elapsed = (performance.now() - startedAt) / 1000;
  const allowed = (quota.peer / quota.windowSeconds) * elapsed;
  const share = (part: number, whole: number) => `${figure((100 * part) / whole)} %`;
  return [store.title, quota.said, String(writes), share(writes, allowed), share(refused, writes + refused)];
}

async function measureLooks(context: BenchContext, name: StoreName): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const copies = context.many(10_000);
  context.say(`${name}: ${copies} copies, then once more, unchanged`);
  const { store, start } = await startScene(stack, context, { name, copies, syncs: 1, delayMs: 0 });
  const program = await start();
  await untilCreated(program, copies);
  await untilReconciled({ operator: program }, 1);
  // What was due a little later (GCP's state marks) is no part of it.
  await program.stop();
  await store.takeCalls();
  store.link.forget();
  const again = await start();
  const startedAt = performance.now();
  await untilReconciled({ operator: again }, 1);
  const elapsed = (performance.now() - startedAt) / 1000;
  const { calls, writes } = await store.takeCalls();
  const bytes = store.link.bytes();
  return [
    store.title,
    String(copies),
    String(calls),
    String(writes),
    figure(bytes / 1e6),
    figure(bytes / copies),
    figure(elapsed),
  ];
}

function speedSection(rows: readonly string[][]): Section {
  return {
    title: `New copies in stores whose answers take ${delayMs} ms`,
    table: formatTable(['store', 'copies', 'ours, copies/s', 'bare SDK, copies/s', 'ratio'], rows),
    notes: [
      `One operator, ${syncs} syncs, from its first copy on: reading Vault and finding that no copy is there are part of it. The`,
      `bare script writes ${bareAtOnce} at once and reads nothing. AWS: the endpoint of this bench. GCP: a new copy takes two calls.`,
    ],
  };
}

function quotaSection(rows: readonly string[][]): Section {
  return {
    title: 'How much of a quota is used',
    table: formatTable(['store', 'quota of writes', 'writes', 'used', 'refused'], rows),
    notes: [
      'The store refuses what exceeds the quota, and the settings say what it is. Aim: 95 % or more used, less than 1 % refused.',
    ],
  };
}

function looksSection(rows: readonly string[][]): Section {
  return {
    title: 'A full reconcile of copies that are as they must be',
    table: formatTable(['store', 'copies', 'calls', 'writes', 'MB both ways', 'bytes a copy', 's'], rows),
    notes: ['A fresh operator with the ledger of the one before. Bytes as they cross the wire, encrypted for Azure.'],
  };
}
