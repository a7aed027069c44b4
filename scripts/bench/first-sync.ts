import { startVault } from '../../test/peers/start-vault.ts';
import { loopbackSettings, region } from '../loopback-settings.ts';
import { startAnsweringAws } from './answering-aws.ts';
import { isSame } from './bursts.ts';
import { mapAtOnce, putAll } from './changes.ts';
import type { Bench } from './context.ts';
import { idsOf, writeManifest } from './manifests.ts';
import { highWaterMark } from './process-memory.ts';
import { startSingle, untilReconciled, untilWritten } from './running.ts';
import { openAnswering } from './stores.ts';
import { figure, formatTable, ratio } from './table.ts';

export const firstSync: Bench = {
  name: 'first-sync',
  about: '1,000 manifests in a folder, a store that answers at once: until every copy is there',
  async run(context) {
    const { many, say } = context;
    await using stack = new AsyncDisposableStack();
    const vault = await startVault();
    stack.defer(() => vault.stop());
    const aws = await startAnsweringAws();
    stack.defer(() => aws.stop());
    const store = openAnswering(aws, region);
    stack.defer(() => store.close());
    const ids = idsOf(many(1_000));
    const bareIds = ids.map((id) => `bare-${id}`);
    await putAll(
      vault,
      ids.map((id) => ({ path: `bench/${id}`, data: { user: 'ada', password: id } })),
    );
    const folder = await context.newFolder('manifests');
    for (const id of ids) {
      const dest = [{ aws: { name: `bench/${id}`, region } }];
      await writeManifest(folder, { name: id, path: `secret/bench/${id}`, dest });
    }

    say('bare: read each secret and create its copy, 40 at once');
    const bareStartedAt = performance.now();
    await mapAtOnce(bareIds, 40, async (id, index) => {
      const { body } = await vault.api('GET', `secret/data/bench/${ids[index]}`);
      await store.create(id, JSON.stringify((body as { data: { data: unknown } }).data.data));
    });
    const bareSeconds = (performance.now() - bareStartedAt) / 1000;

    say('ours: from the start of the process');
    const startedAt = Date.now();
    const running = await startSingle({
      settings: loopbackSettings({ name: 'bench', vault, aws, folder }),
      env: context.programEnv,
    });
    stack.defer(() => running.stop());
    const copies = ids.map((id) => store.copyOf(id));
    const written = await untilWritten(running, { from: 0, copies, withinMs: 90_000 });
    const missing = ids.length - written.size;
    if (missing === 0) await untilReconciled(running, ids.length);
    const { operator } = running;
    const listed = operator.log.find(({ msg }) => msg === 'manifests are listed');
    const listedAt = Date.parse(String(listed?.['time']));
    const lastAt = Math.max(...written.values());
    const seconds = (lastAt - startedAt) / 1000;
    const values = await store.values(ids);
    const equal = values.filter((value, index) => isSame(value, { user: 'ada', password: ids[index] })).length;
    return [
      {
        title: 'First sync of many manifests (folder mode; the endpoint of this bench that answers at once)',
        table: formatTable(
          [
            'manifests',
            'last copy after, s',
            'of it until listed',
            'bare script, s',
            'ratio',
            'memory now, MB',
            'at most, MB',
            'CPU, s',
            'equal',
          ],
          [
            [
              String(ids.length),
              missing === 0 ? figure(seconds) : `${missing} missing`,
              figure((listedAt - startedAt) / 1000),
              figure(bareSeconds),
              ratio(seconds, bareSeconds),
              figure((await operator.metric('process_resident_memory_bytes')) / 1e6),
              await highWaterMark(operator.pid),
              figure(await operator.metric('process_cpu_seconds_total')),
              `${equal} of ${ids.length}`,
            ],
          ],
        ),
        notes: [
          `From the start of the process. Requests that the store saw: ${[...aws.requests].map(([operation, count]) => `${operation} ${count}`).join(', ')} (bare script included).`,
          'Aim: 5 s at most. The ancestor (Go), measured on another machine: 49 s, 182 MB.',
        ],
      },
    ];
  },
};
