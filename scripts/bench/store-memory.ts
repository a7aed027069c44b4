import { setTimeout as sleep } from 'node:timers/promises';
import { startVault } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings } from '../loopback-settings.ts';
import { put } from './changes.ts';
import type { Bench, BenchContext } from './context.ts';
import { type StoreName, startLinked, storeNames } from './linked-stores.ts';
import { writeManifest } from './manifests.ts';
import { untilReconciled } from './running.ts';
import { figure, formatTable } from './table.ts';

/** What each store's SDK costs a process that uses it: nothing, unless a manifest names the store. */
export const storeMemory: Bench = {
  name: 'store-memory',
  about: 'memory and start of a process that knows one store, or none',
  async run(context) {
    const rows: string[][] = [];
    for (const stores of [[], ...storeNames.map((name) => [name]), storeNames])
      rows.push(await measure(context, stores));
    return [
      {
        title: "What each store's SDK costs, loaded only when a manifest uses it",
        table: formatTable(
          ['manifests for', 'started after, s', 'first copies after, s', 'memory, MB', 'CPU, s'],
          rows,
        ),
        notes: ['From the start of the process; one secret, one copy in each store, all in one process.'],
      },
    ];
  },
};

async function measure(context: BenchContext, names: readonly StoreName[]): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const title = names.join(', ') || 'none';
  context.say(title);
  const vault = await startVault();
  stack.defer(() => vault.stop());
  await put(vault, 'bench/one', { user: 'ada' });
  const folder = await context.newFolder('manifests');
  let peers = { aws: { endpoint: 'http://127.0.0.1:9' } };
  for (const name of names) {
    const store = await startLinked(stack, name, { delayMs: 0 });
    peers = name === 'aws' ? { ...peers, ...store.peers } : { ...store.peers, ...peers };
    await writeManifest(folder, { name, path: 'secret/bench/(one)', dest: [store.bare.destination] });
  }
  const startedAt = performance.now();
  const program = await startProgram({
    settings: loopbackSettings({ name: 'bench', vault, ...peers, folder }),
    env: context.programEnv,
  });
  stack.defer(async () => void (await program.stop()));
  const started = (performance.now() - startedAt) / 1000;
  const copied = await untilCopied(program, { copies: names.length, startedAt });
  if (names.length > 0) await untilReconciled({ operator: program }, names.length);
  const memory = figure((await program.metric('process_resident_memory_bytes')) / 1e6);
  return [title, figure(started), copied, memory, figure(await program.metric('process_cpu_seconds_total'))];
}

async function untilCopied(
  program: Program,
  { copies, startedAt }: { readonly copies: number; readonly startedAt: number },
): Promise<string> {
  if (copies === 0) return '';
  const deadline = performance.now() + 60_000;
  while ((await program.metric('vss_copies_total', { result: 'created' })) < copies) {
    if (performance.now() > deadline) return '?';
    await sleep(10);
  }
  return figure((performance.now() - startedAt) / 1000);
}
