import { setTimeout as sleep } from 'node:timers/promises';
import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { type AnsweringAws, startAnsweringAws } from './answering-aws.ts';
import { putAll, tailAudit } from './changes.ts';
import { type Bench, type BenchContext, redisIfThere, type Section } from './context.ts';
import { writeManifest } from './manifests.ts';
import { highWaterMark } from './process-memory.ts';
import { untilReconciled } from './running.ts';
import { figure, formatTable, ratio } from './table.ts';

const syncs = 100;
const delayMs = 50;
/** Waiting for the store must be the limit, not the two cores that all peers share. */
const concurrency = 2;

/** New secrets in bulk, with one operator and with two; then the same secrets once more, unchanged. */
export const backfill: Bench = {
  name: 'backfill',
  about: '10,000 new secrets with a store that takes 50 ms, one and two operators; then 10,000 unchanged ones',
  async run(context) {
    await using stack = new AsyncDisposableStack();
    const vault = await startVault();
    stack.defer(() => vault.stop());
    const each = context.many(10_000) / syncs;
    const names = Array.from({ length: syncs }, (_, index) => `part-${index}`);
    context.say(`putting ${syncs * each} secrets into Vault`);
    const paths = names.flatMap((name) => Array.from({ length: each }, (_, index) => `bench/${name}/s-${index}`));
    await putAll(
      vault,
      paths.map((path) => ({ path, data: { user: 'ada', password: path } })),
    );
    const folder = await context.newFolder('manifests');
    for (const name of names) {
      const dest = [{ aws: { name: `bench/${name}/$1`, region } }];
      await writeManifest(folder, { name, path: `secret/bench/${name}/(.*)`, dest });
    }
    const scene: Scene = { context, vault, folder, copies: paths.length };
    const one = await measure(scene, 1);
    const two = one ? await measure(scene, 2) : null;
    if (!one?.unchanged || !two) return [];
    return [backfillSection(scene, one, two), unchangedSection(scene, one.unchanged)];
  },
};

interface Scene {
  readonly context: BenchContext;
  readonly vault: VaultPeer;
  readonly folder: string;
  readonly copies: number;
}

interface Measured {
  readonly seconds: number;
  /** Of the copies, made by each operator. */
  readonly shares: readonly number[];
  readonly unchanged: Unchanged | null;
}

interface Unchanged {
  readonly seconds: number;
  /** MB. */
  readonly peak: string;
  readonly vault: string;
  readonly store: string;
}

async function measure(scene: Scene, operators: number): Promise<Measured | null> {
  const { context, vault, folder, copies } = scene;
  await using stack = new AsyncDisposableStack();
  const redis = await redisIfThere(stack, context);
  if (!redis) return null;
  const aws = await startAnsweringAws({ delayMs });
  stack.defer(() => aws.stop());
  context.say(`${operators} ${operators === 1 ? 'operator' : 'operators'}: ${copies} new secrets`);
  const settings = {
    ...loopbackSettings({ name: 'bench', vault, aws, folder }),
    roles: ['operator'],
    state: { redis: redis.url },
    operator: { concurrency },
  };
  const programs: Program[] = [];
  for (let index = 0; index < operators; index++) {
    programs.push(await startProgram({ settings, env: context.programEnv }));
  }
  stack.defer(async () => void (await Promise.all(programs.map((program) => program.stop()))));
  await until(() => aws.writes.length >= copies);
  const times = aws.writes.map(({ at }) => at);
  const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
  const shares = await Promise.all(
    programs.map((program) => program.metric('vss_copies_total', { result: 'created' })),
  );
  if (operators > 1) return { seconds, shares, unchanged: null };
  await Promise.all(programs.splice(0).map((program) => program.stop()));
  return { seconds, shares, unchanged: await reconcileAgain(scene, { aws, settings }) };
}

/** A fresh operator with the same ledger looks at everything once more; nothing has changed. */
async function reconcileAgain(
  { context, vault }: Scene,
  { aws, settings }: { aws: AnsweringAws; settings: Readonly<Record<string, unknown>> },
): Promise<Unchanged> {
  context.say('the same secrets once more, unchanged');
  const audit = tailAudit(vault);
  await audit.lines();
  aws.forget();
  const program = await startProgram({ settings, env: context.programEnv });
  const startedAt = performance.now();
  await untilReconciled({ operator: program }, syncs);
  const seconds = (performance.now() - startedAt) / 1000;
  const requests = (await audit.lines()).filter((line) => line.includes('"type":"response"'));
  const counted = (operation: string) => requests.filter((line) => line.includes(`"operation":"${operation}"`)).length;
  const peak = await highWaterMark(program.pid);
  await program.stop();
  return {
    seconds,
    peak,
    vault: `read ${figure(counted('read'))}, list ${figure(counted('list'))}`,
    store: [...aws.requests].map(([operation, count]) => `${operation} ${figure(count)}`).join(', ') || 'none',
  };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 300_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('waited five minutes for the copies');
    await sleep(50);
  }
}

function backfillSection(scene: Scene, one: Measured, two: Measured): Section {
  const row = (label: string, { seconds, shares }: Measured) => [
    label,
    figure(seconds),
    figure(scene.copies / seconds),
    ratio(one.seconds, seconds),
    shares.map(figure).join(' + '),
  ];
  return {
    title: `Backfill of ${figure(scene.copies)} new secrets (${syncs} syncs, Redis, a store that takes ${delayMs} ms for each request)`,
    table: formatTable(
      ['operators', 'seconds', 'copies/s', 'of one', 'made by each'],
      [row('one', one), row('two', two)],
    ),
    notes: [
      `From the first write to the last, ${concurrency} jobs at once in each operator, so that waiting for the store is the limit. Aim: two at least 1.7×.`,
    ],
  };
}

function unchangedSection(scene: Scene, { seconds, peak, vault, store }: Unchanged): Section {
  return {
    title: `Reconcile of ${figure(scene.copies)} unchanged secrets (${syncs} syncs, the same store and ledger)`,
    table: formatTable(
      ['seconds', 'copies/s', 'memory at most, MB', 'Vault saw', 'store saw'],
      [[figure(seconds), figure(scene.copies / seconds), peak, vault, store]],
    ),
    notes: ['A page of a listing has 100 copies; each request takes 50 ms.'],
  };
}
