import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { type AnsweringAws, startAnsweringAws } from './answering-aws.ts';
import { isSame } from './bursts.ts';
import { putAll, tailAudit } from './changes.ts';
import { type Bench, redisIfThere } from './context.ts';
import { puts } from './hearing.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { runLoad } from './posting.ts';
import { untilIdle, untilReconciled } from './running.ts';
import { openAnswering } from './stores.ts';
import { figure, formatTable } from './table.ts';

/** How long an answer of the store takes: AWS's own are about as slow. Milliseconds. */
const answerMs = 50;
const webhookCount = 3;

export const endToEnd: Bench = {
  name: 'end-to-end',
  about: 'many changes at once through 3 webhooks, Redis and 1, 2 and 3 operators into a store',
  async run(context) {
    const title = `Many changes at once: ${webhookCount} webhooks, Redis, 1 to 3 operators, a store that takes ${answerMs} ms`;
    await using stack = new AsyncDisposableStack();
    const redis = await redisIfThere(stack, context);
    if (!redis) return [{ title, table: '(left out: there is no Redis)', notes: [] }];
    const vault = await startVault();
    stack.defer(() => vault.stop());
    const aws = await startAnsweringAws({ delayMs: answerMs });
    stack.defer(() => aws.stop());
    const folder = await context.newFolder('end-to-end');
    const store = openAnswering(aws, region);
    stack.defer(() => store.close());
    await writeManifest(folder, { name: 'bench', path: benchPath, dest: [store.destination] });
    const settings = { ...loopbackSettings({ name: 'bench', vault, aws, folder }), state: { redis: redis.url } };
    const start = async (role: 'webhook' | 'operator') => {
      const program = await startProgram({ settings: { ...settings, roles: [role] }, env: context.programEnv });
      stack.defer(async () => void (await program.stop()));
      return program;
    };
    const ids = idsOf(context.many(2_000));
    const bodies = join(await context.newFolder('bodies'), 'lines');
    await change(vault, ids, 'first');
    const webhooks = await Promise.all(Array.from({ length: webhookCount }, () => start('webhook')));

    const operators: Program[] = [];
    const rows: string[][] = [];
    for (const count of [1, 2, 3]) {
      context.say(`${count} operators`);
      const operator = await start('operator');
      operators.push(operator);
      if (count === 1) await untilReconciled({ operator });
      await untilIdle(operators);
      rows.push([
        String(count),
        ...(await measure({ vault, aws, ids, webhooks, operators, bodies, value: `with ${count}` })),
      ]);
    }
    return [
      {
        title,
        table: formatTable(
          [
            'operators',
            'changes',
            'accepted after, s',
            'last copy after, s',
            'copies/s',
            'writes in the store',
            'CPU s, webhooks',
            'operators',
            'right',
          ],
          rows,
        ),
        notes: [
          'The secrets are changed in a real Vault first; then its audit entries are posted, one a body, to the webhooks in turn as a balancer would, and the time runs from the first post. Each change is one read from Vault and one write. right = copies that hold what Vault does.',
          'All of it (Vault, Redis, the store, the load and up to six processes of the program) shares the processors of this machine: with two of them more operators show that the work is divided, and what that costs, not how it grows with more machines.',
        ],
      },
    ];
  },
};

interface Scene {
  readonly vault: VaultPeer;
  readonly aws: AnsweringAws;
  readonly ids: readonly string[];
  readonly webhooks: readonly Program[];
  readonly operators: readonly Program[];
  readonly bodies: string;
  /** What the secrets are changed to. */
  readonly value: string;
}

async function measure({ vault, aws, ids, webhooks, operators, bodies, value }: Scene): Promise<string[]> {
  const lines = await change(vault, ids, value);
  aws.forget();
  const before = [await cpuOf(webhooks), await cpuOf(operators)] as const;
  const startedAt = performance.timeOrigin + performance.now();
  await Promise.all(
    webhooks.map(async (webhook, at) => {
      const own = lines.filter((_, index) => index % webhooks.length === at);
      await writeFile(`${bodies}-${at}`, own.join('\n'));
      const load = { file: `${bodies}-${at}`, linesInBody: 1, connections: 8, until: { requests: own.length } };
      const { answered } = await runLoad({ ...load, url: webhook.eventsUrl ?? '', perSecond: null });
      if (answered < own.length) throw new Error(`only ${answered} of ${own.length} posts were answered with 200`);
    }),
  );
  const acceptedAt = performance.timeOrigin + performance.now();
  await untilIdle(operators);
  const lastAt = Math.max(...aws.writes.map(({ at }) => at));
  const seconds = (lastAt - startedAt) / 1000;
  const right = ids.filter((id) => isSame(aws.value(region, `bench/${id}`), dataOf(id, value))).length;
  return [
    ids.length.toLocaleString('en'),
    figure((acceptedAt - startedAt) / 1000),
    figure(seconds),
    figure(ids.length / seconds),
    aws.writes.length.toLocaleString('en'),
    figure((await cpuOf(webhooks)) - before[0]),
    figure((await cpuOf(operators)) - before[1]),
    `${right} of ${ids.length}`,
  ];
}

function dataOf(id: string, value: string): Record<string, string> {
  return { user: id, password: value };
}

/** Changes every secret; the audit entries that tell of it. */
async function change(vault: VaultPeer, ids: readonly string[], value: string): Promise<string[]> {
  const audit = tailAudit(vault);
  await audit.lines();
  await putAll(
    vault,
    ids.map((id) => ({ path: `bench/${id}`, data: dataOf(id, value) })),
  );
  return puts(await audit.lines());
}

async function cpuOf(programs: readonly Program[]): Promise<number> {
  const seconds = await Promise.all(programs.map((program) => program.metric('process_cpu_seconds_total')));
  return seconds.reduce((sum, one) => sum + one, 0);
}
