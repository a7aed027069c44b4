import { loopbackSettings } from '../loopback-settings.ts';
import { openBareScript } from './bare-script.ts';
import {
  burstHeader,
  counter,
  measureBurst,
  measureOnePath,
  measureSequence,
  onePathHeader,
  type Scene,
  sequenceHeader,
} from './bursts.ts';
import { putAll, tailAudit } from './changes.ts';
import { type Bench, type BenchContext, redisIfThere } from './context.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { measureNewSyncs, newSyncHeader } from './new-syncs.ts';
import { startPeers } from './peers.ts';
import { listenTo, type Running, startSingle, startSplit, untilQuiet } from './running.ts';
import { formatTable } from './table.ts';

interface Rows {
  readonly sequence: string[][];
  readonly bursts: string[][];
  readonly onePath: string[][];
  readonly newSyncs: string[][];
}

export const changeToCopy: Bench = {
  name: 'change-to-copy',
  about:
    'from a change in Vault to three copies: one after another, many secrets at once, one secret many times, and a sync that is new',
  async run(context) {
    const rows: Rows = { sequence: [], bursts: [], onePath: [], newSyncs: [] };
    await measure(context, rows);
    return [
      {
        title: 'Change in Vault to copy, three copies each',
        table: formatTable(sequenceHeader, rows.sequence),
        notes: [
          "From the time in Vault's audit entry to the program's log line `copy updated`, written once the store had answered; both clocks are this machine's, to the millisecond.",
          "bare = GET from Vault, then one write to each store side by side with the vendors' SDKs, in turns with ours, from the start of the GET.",
        ],
      },
      {
        title: 'Many secrets changed at once (real stores of the tests: moto is one Python thread)',
        table: formatTable(burstHeader, rows.bursts),
        notes: [
          'From the first audit entry to the last `copy updated`. puts took = first to last audit entry, 64 in flight. Bare = as many GETs and writes, 40 secrets at once, afterwards.',
          'At the end every copy is read from the store and compared with what Vault holds.',
        ],
      },
      {
        title: 'One secret, many puts at once',
        table: formatTable(onePathHeader, rows.onePath),
        notes: [
          'writes = versions that the store holds more than before. The value is compared with Vault once it was right, and again a second later.',
        ],
      },
      {
        title: 'A new sync, and at once a change of what it selects',
        table: formatTable(newSyncHeader, rows.newSyncs),
        notes: [
          'From the manifest in its folder to the log line of the write after which the store holds the change, be it that the change was heard or that the first reconcile read it. One copy, one sync after another.',
        ],
      },
    ];
  },
};

async function measure(context: BenchContext, rows: Rows): Promise<void> {
  const { many, say } = context;
  await using stack = new AsyncDisposableStack();
  say('starting Vault, moto and the stand-ins');
  const { vault, aws, azure, gcp, stores } = await startPeers(stack);

  const ids = idsOf(many(200));
  const next = counter();
  await putAll(
    vault,
    ids.map((id) => ({ path: `bench/${id}`, data: { user: 'ada', password: next() } })),
  );
  const bare = await openBareScript(vault, stores);
  const folder = await context.newFolder('manifests');
  await writeManifest(folder, { name: 'bench', path: benchPath, dest: stores.map(({ destination }) => destination) });
  const settings = loopbackSettings({ name: 'bench', vault, aws, azure, gcp, folder });
  const audit = tailAudit(vault);
  const env = context.programEnv;

  const measureRunning = async (start: () => Promise<Running>) => {
    await using scope = new AsyncDisposableStack();
    const running = await start();
    scope.defer(() => running.stop());
    await untilQuiet(running);
    await listenTo(vault, running, scope);
    const scene: Scene = { label: running.mode, running, vault, audit, stores, bare, ids, next };
    say(`${running.mode}: changes one after another`);
    rows.sequence.push(...(await measureSequence(scene, ids.length)));
    say(`${running.mode}: many changes at once`);
    rows.bursts.push(await measureBurst(scene, ids.length));
    say(`${running.mode}: one secret, many puts`);
    rows.onePath.push(...(await measureOnePath(scene, many(200))));
    say(`${running.mode}: new syncs`);
    rows.newSyncs.push(await measureNewSyncs(scene, folder, many(50)));
  };
  say(`one process: first copies of ${ids.length} secrets`);
  await measureRunning(() => startSingle({ settings, env }));
  const redis = await redisIfThere(stack, context);
  if (redis) await measureRunning(() => startSplit({ settings, env, redis: redis.url }));
}
