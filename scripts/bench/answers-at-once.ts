import { startVault } from '../../test/peers/start-vault.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { startAnsweringAws } from './answering-aws.ts';
import { openBareScript } from './bare-script.ts';
import {
  burstHeader,
  counter,
  measureBurst,
  measureOnePath,
  measureSequence,
  onePathHeader,
  sequenceHeader,
} from './bursts.ts';
import { putAll, tailAudit } from './changes.ts';
import type { Bench } from './context.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { listenTo, startSingle, untilQuiet } from './running.ts';
import { openAnswering } from './stores.ts';
import { formatTable } from './table.ts';

const regions = [region, 'us-east-1', 'ap-south-1'];

/** The same bursts where the store costs next to nothing: what is left is ours, Vault's and the SDK's. */
export const answersAtOnce: Bench = {
  name: 'answers-at-once',
  about: 'changes at once with a store that answers at once, one copy each and three copies each',
  async run(context) {
    const { many, say } = context;
    const rows = { sequence: [] as string[][], bursts: [] as string[][], onePath: [] as string[][] };
    for (const copies of [1, 3]) {
      await using stack = new AsyncDisposableStack();
      const vault = await startVault();
      stack.defer(() => vault.stop());
      const aws = await startAnsweringAws();
      stack.defer(() => aws.stop());
      const stores = regions.slice(0, copies).map((place) => openAnswering(aws, place));
      for (const store of stores) stack.defer(() => store.close());
      const ids = idsOf(many(500));
      const next = counter();
      await putAll(
        vault,
        ids.map((id) => ({ path: `bench/${id}`, data: { user: 'ada', password: next() } })),
      );
      const bare = await openBareScript(vault, stores);
      const folder = await context.newFolder('manifests');
      const dest = stores.map(({ destination }) => destination);
      await writeManifest(folder, { name: 'bench', path: benchPath, dest });
      const running = await startSingle({
        settings: loopbackSettings({ name: 'bench', vault, aws, folder }),
        env: context.programEnv,
      });
      stack.defer(() => running.stop());
      await untilQuiet(running);
      await listenTo(vault, running, stack);
      const label = copies === 1 ? 'one copy each' : `${copies} copies each`;
      const scene = { label, running, vault, audit: tailAudit(vault), stores, bare, ids, next };
      say(label);
      rows.sequence.push(...(await measureSequence(scene, many(200))).slice(-1));
      rows.bursts.push(await measureBurst(scene, many(500)));
      rows.onePath.push(...(await measureOnePath(scene, many(200))));
    }
    return [
      {
        title: 'Stores that answer at once (an endpoint of this bench that speaks AWS JSON, from memory)',
        table: [
          formatTable(sequenceHeader, rows.sequence),
          formatTable(burstHeader, rows.bursts),
          formatTable(onePathHeader, rows.onePath),
        ].join('\n\n'),
        notes: [
          'Aims: 500 changes at once, last copy after 2 s at most; 200 puts of one secret: the right value, at most 20 writes, within 1 s.',
          'The ancestor (Go), measured on another machine: 500 changes 19.6 s; 200 puts 330–458 writes, 7–17 s, the wrong value in one run of three.',
        ],
      },
    ];
  },
};
