import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, BenchContext } from './context.ts';
import { type Hearing, prepareHearing } from './hearing.ts';
import { runLoad, usageOf } from './posting.ts';
import { highWaterMark, residentNow } from './process-memory.ts';
import { figure, formatTable } from './table.ts';

export const streaming: Bench = {
  name: 'streaming',
  about: 'memory of the webhook while 1 GB goes through /events',
  async run(context) {
    await using stack = new AsyncDisposableStack();
    const hearing = await prepareHearing(stack, context, 'streaming');
    const title = 'Memory of the webhook while it hears (bodies of 10,000 lines, 4 connections)';
    if (!hearing) return [{ title, table: '(left out: there is no Redis)', notes: [] }];
    const { reads, unwanted, wanted } = hearing.lines;
    const rows = [
      ['reads', ...(await stream(context, hearing, reads))],
      ['9 reads, 1 put nobody wants', ...(await stream(context, hearing, mixed(reads, unwanted)))],
      ['puts nobody wants', ...(await stream(context, hearing, unwanted))],
      ['matching puts', ...(await stream(context, hearing, wanted))],
    ];
    return [
      {
        title,
        table: formatTable(
          [
            'lines',
            'GB',
            'before, MB',
            'at ¼',
            'at ½',
            'at ¾',
            'at the end',
            'at most',
            'MB/s',
            'CPU µs/line',
            'answered',
          ],
          rows,
        ),
        notes: [
          'Resident memory of a process of its own for each row, as the system tells it; about 50 MB of it are the pages of Node itself, which all its processes share. At most = high-water mark.',
          'Aim: below 150 MB, and flat. The ancestor (Go), measured on another machine: 900 MB at most.',
        ],
      },
    ];
  },
};

async function stream(context: BenchContext, hearing: Hearing, lines: readonly string[]): Promise<string[]> {
  const webhook = await hearing.startWebhook();
  const linesInBody = 10_000;
  const file = join(hearing.folder, 'bodies');
  await writeFile(file, Array.from({ length: linesInBody }, (_, at) => `${lines[at % lines.length]}\n`).join(''));
  const bytesInBody = (await stat(file)).size;
  const requests = Math.ceil(context.many(1e9) / 4 / bytesInBody);
  const load = {
    url: webhook.eventsUrl ?? '',
    file,
    linesInBody,
    connections: 4,
    until: { requests },
    perSecond: null,
  };
  const memory = [await residentNow(webhook.pid)];
  const before = await usageOf(webhook);
  let seconds = 0;
  let answered = 0;
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    context.say(`quarter ${quarter}`);
    const result = await runLoad(load);
    seconds += result.seconds;
    answered += result.answered;
    memory.push(await residentNow(webhook.pid));
  }
  const after = await usageOf(webhook);
  const atMost = await highWaterMark(webhook.pid);
  await webhook.stop();
  return [
    figure((answered * bytesInBody) / 1e9),
    ...memory,
    atMost,
    figure((answered * bytesInBody) / 1e6 / seconds),
    figure(((after.cpu - before.cpu) / (after.entries - before.entries)) * 1e6),
    answered === requests * 4 ? 'all' : `${answered} of ${requests * 4}`,
  ];
}

function mixed(reads: readonly string[], puts: readonly string[]): string[] {
  return puts.flatMap((put, at) => [
    put,
    ...Array.from({ length: 9 }, (_, n) => reads[(at * 9 + n) % reads.length] ?? ''),
  ]);
}
