import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from '../../test/program/start-program.ts';
import type { Bench, BenchContext } from './context.ts';
import { prepareHearing } from './hearing.ts';
import { runLoad, usageOf } from './posting.ts';
import { highWaterMark } from './process-memory.ts';
import { figure, formatTable } from './table.ts';

export const accepting: Bench = {
  name: 'accepting',
  about: 'changes that a sync wants, per second, from bodies of 10,000 lines until Redis holds their jobs',
  async run(context) {
    await using stack = new AsyncDisposableStack();
    const hearing = await prepareHearing(stack, context, 'accepting');
    const title = 'Changes that a sync wants, from bodies of 10,000 lines into Redis';
    if (!hearing) return [{ title, table: '(left out: there is no Redis)', notes: [] }];
    const webhook = await hearing.startWebhook();
    const [line = ''] = hearing.lines.wanted;
    const count = context.many(100_000);
    const file = join(hearing.folder, 'changes');
    const row = async (kind: string, changeOf: (at: number) => string) => {
      context.say(kind);
      await writeFile(file, Array.from({ length: count }, (_, at) => `${changeOf(at)}\n`).join(''));
      return [kind, ...(await measure({ context, webhook, file, count }))];
    };
    await row('to warm up', (at) => changed(line, 1 + (at % 500)));
    const rows = [
      await row('500 secrets, each over and over', (at) => changed(line, 1 + (at % 500))),
      await row('the same 500 entries again and again', (at) => hearing.lines.wanted[at % 500] ?? ''),
      await row('each of another secret', (at) => changed(line, 100_000 + at)),
    ];
    return [
      {
        title,
        table: formatTable(
          ['changes', 'lines', 'lines/s', 'CPU µs/line', 'new jobs handed to Redis', 'at most, MB', 'answered'],
          rows,
        ),
        notes: [
          'Lines like those of a real Vault; each has the id of a request of its own, but for the second row, which is what a second audit device sends. A line counts once its body was answered with 200: Redis holds its job. No operator takes any.',
          'Jobs of one body for one secret are one before they go to Redis.',
          'Aims: 20,000 a second of different secrets, 40,000 of repeated ones.',
        ],
      },
    ];
  },
};

async function measure(options: {
  readonly context: BenchContext;
  readonly webhook: Program;
  readonly file: string;
  readonly count: number;
}): Promise<string[]> {
  const { context, webhook, file, count } = options;
  const linesInBody = context.many(10_000);
  const requests = Math.ceil(count / linesInBody);
  const jobs = () => webhook.metric('vss_jobs_queued_total');
  const [before, jobsBefore] = [await usageOf(webhook), await jobs()];
  const url = webhook.eventsUrl ?? '';
  const result = await runLoad({ url, file, linesInBody, connections: 4, until: { requests }, perSecond: null });
  const after = await usageOf(webhook);
  return [
    count.toLocaleString('en'),
    figure((result.answered * linesInBody) / result.seconds),
    figure(((after.cpu - before.cpu) / (after.entries - before.entries)) * 1e6),
    ((await jobs()) - jobsBefore).toLocaleString('en'),
    await highWaterMark(webhook.pid),
    result.answered === requests ? 'all' : `${result.answered} of ${requests} bodies`,
  ];
}

/** The same change of another secret, by another request. */
function changed(line: string, secret: number): string {
  const id = /"request":\{.*?"id":"([^"]+)"/.exec(line)?.[1];
  if (id === undefined) throw new Error('an audit line without the id of its request');
  return line.replaceAll(id, randomUUID()).replaceAll(/\bs-\d+/g, `s-${secret}`);
}
