import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from '../../test/program/start-program.ts';
import type { Bench, BenchContext, Section } from './context.ts';
import { prepareHearing } from './hearing.ts';
import type { LoadResult } from './load.ts';
import { runLoad, type Sink, startSink, usageOf } from './posting.ts';
import { highWaterMark } from './process-memory.ts';
import { figure, formatTable, percentile } from './table.ts';

export const ingest: Bench = {
  name: 'ingest',
  about: 'audit entries per second through /events, beside servers that only count bytes',
  async run(context) {
    return measure(context);
  },
};

const sizes = [
  { title: 'one a body', lines: 1, connections: 32 },
  { title: '10,000 a body', lines: 10_000, connections: 4 },
];
/** How fast it is asked when it is measured how long an answer takes: far from what anybody here can do at most. */
const pace = { perSecond: 1_000, connections: 8 };

interface Servers {
  readonly webhook: Program;
  readonly sink: Sink;
  readonly express: Sink;
}

async function measure(context: BenchContext): Promise<Section[]> {
  const title = 'Entries through /events (the webhook as a process of its own, its queue in Redis)';
  await using stack = new AsyncDisposableStack();
  const hearing = await prepareHearing(stack, context, 'ingest');
  if (!hearing) return [{ title, table: '(left out: there is no Redis)', notes: [] }];
  const webhook = await hearing.startWebhook();
  const sink = await startSink('bare');
  stack.defer(() => sink.stop());
  const express = await startSink('express');
  stack.defer(() => express.stop());
  const servers: Servers = { webhook, sink, express };
  const kinds = [
    { kind: 'irrelevant: reads', lines: hearing.lines.reads },
    { kind: 'irrelevant: puts nobody wants', lines: hearing.lines.unwanted },
    { kind: 'matching puts', lines: hearing.lines.wanted },
  ];

  const rows: string[][] = [];
  const latencies: string[][] = [];
  for (const { kind, lines } of kinds) {
    for (const { title: size, lines: most, connections } of sizes) {
      context.say(`${kind}, ${size}`);
      const inBody = most === 1 ? 1 : context.many(most);
      const count = most === 1 ? lines.length : inBody;
      const file = join(hearing.folder, 'bodies');
      const content = Array.from({ length: count }, (_, index) => `${lines[index % lines.length]}\n`).join('');
      await writeFile(file, content);
      const bytesInLine = content.length / count;
      const row = await compare({ ...servers, file, inBody, bytesInLine, connections, context });
      rows.push([`${kind}, ${size}`, ...row]);
      if (most === 1) latencies.push([kind, ...(await compareLatency({ ...servers, file, context }))]);
    }
  }
  context.say('without a token');
  const file = join(hearing.folder, 'bodies');
  await writeFile(file, hearing.lines.wanted.map((line) => `${line}\n`).join(''));
  const strangers = await compareStrangers({ ...servers, file, context });

  return [
    {
      title,
      table: formatTable(
        [
          'entries',
          'ours/s',
          'sink/s',
          'Express/s',
          'ours MB/s',
          'ours/sink',
          'ours/Express',
          'CPU µs/line',
          'sink',
          'Express',
          'RSS before, MB',
          'after',
          'at most',
          'heard',
        ],
        rows,
      ),
      notes: [
        "Lines are those of a real Vault's audit file in this run: reads (request and response entries, look-ups of a token), puts of secrets that nobody wants, puts of wanted ones (500 secrets in turn, the same entries over and over).",
        'The sink is a bare server of Node that counts bytes, Express a route of Express that does. The three in turns, two times each, with the same bodies: ours/sink is also the share of its bytes a second. The load comes from a process of its own over kept-alive connections (32 with one line a body, the lines in turn; 4 with many). heard = entries counted by the program, of those sent.',
        'Aims: ours/sink 0.50 at least for irrelevant lines in bodies, ours/Express 0.85 for posts of one. The ancestor (Go), measured on another machine, irrelevant lines: 19,900/s at 57 µs with one line a body; 61,000/s at 30 µs and 900 MB at most with 10,000; with 1,000 regex manifests 4,500–8,100/s.',
      ],
    },
    {
      title: `How long an answer takes (one line a body, ${figure(pace.perSecond)} requests a second)`,
      table: formatTable(
        ['entries', 'ours p50 ms', 'p99', 'sink p50', 'p99', 'Express p50', 'p99', 'p99 added to Express'],
        latencies,
      ),
      notes: [
        `Over ${pace.connections} connections, the three in turns, five times each; the median of the turns. With matching puts the answer waits for Redis.`,
        'Aim: less than 2 ms added.',
      ],
    },
    {
      title: 'What requests without a token cost (one line a body)',
      table: formatTable(
        ['', 'refused by us', 'taken by Express', 'CPU µs each', 'Express', 'ours/Express'],
        [strangers],
      ),
      notes: [
        'Over 32 connections, the two in turns, two times each. Ours are answered 401 and their bodies thrown away; the route of Express, which does nothing, takes its own.',
      ],
    },
  ];
}

/** Both with a token that nobody has: Express asks for none. */
async function compareStrangers(
  options: Servers & { readonly file: string; readonly context: BenchContext },
): Promise<string[]> {
  const { webhook, express, file, context } = options;
  const until = { seconds: context.many(20) / 10 };
  const load = { file, connections: 32, until, linesInBody: 1, perSecond: null, token: 'nobody' };
  const before = [(await usageOf(webhook)).cpu, await express.cpuSeconds()] as const;
  const ours: LoadResult[] = [];
  const theirs: LoadResult[] = [];
  for (let turn = 0; turn < 2; turn += 1) {
    ours.push(await runLoad({ ...load, url: webhook.eventsUrl ?? '' }));
    theirs.push(await runLoad({ ...load, url: express.url }));
  }
  const after = [(await usageOf(webhook)).cpu, await express.cpuSeconds()] as const;
  const refused = sum(ours, 'refused');
  const taken = sum(theirs, 'sent');
  const cost = ((after[0] - before[0]) / refused) * 1e6;
  const costOfExpress = ((after[1] - before[1]) / taken) * 1e6;
  return [
    'without a token',
    figure(refused),
    figure(taken),
    figure(cost),
    figure(costOfExpress),
    (cost / costOfExpress).toFixed(2),
  ];
}

interface Comparison extends Servers {
  /** The lines: of one body, or each a body. */
  readonly file: string;
  /** Lines in a body. */
  readonly inBody: number;
  readonly bytesInLine: number;
  readonly connections: number;
  readonly context: BenchContext;
}

async function compare(options: Comparison): Promise<string[]> {
  const { webhook, sink, express, file, inBody, bytesInLine, connections, context } = options;
  const until = { seconds: context.many(20) / 10 };
  const load = { file, connections, until, linesInBody: inBody, perSecond: null };
  const rss = async () => (await webhook.metric('process_resident_memory_bytes')) / 1e6;
  const rssBefore = await rss();
  const before = await usageOf(webhook);
  const sinksBefore = await Promise.all([sink.cpuSeconds(), express.cpuSeconds()]);
  const ours: LoadResult[] = [];
  const theirs: [LoadResult[], LoadResult[]] = [[], []];
  for (let turn = 0; turn < 2; turn += 1) {
    theirs[0].push(await runLoad({ ...load, url: sink.url }));
    ours.push(await runLoad({ ...load, url: webhook.eventsUrl ?? '' }));
    theirs[1].push(await runLoad({ ...load, url: express.url }));
  }
  const after = await usageOf(webhook);
  const sinksAfter = await Promise.all([sink.cpuSeconds(), express.cpuSeconds()]);
  const lines = (results: readonly LoadResult[]) => sum(results, 'sent') * inBody;
  const rate = (results: readonly LoadResult[]) => (sum(results, 'answered') / sum(results, 'seconds')) * inBody;
  const sinkCost = (which: 0 | 1) => ((sinksAfter[which] - sinksBefore[which]) / lines(theirs[which])) * 1e6;
  const refused = sum(ours, 'refused');
  const heard = after.entries - before.entries;
  return [
    figure(rate(ours)),
    figure(rate(theirs[0])),
    figure(rate(theirs[1])),
    figure((rate(ours) * bytesInLine) / 1e6),
    (rate(ours) / rate(theirs[0])).toFixed(2),
    (rate(ours) / rate(theirs[1])).toFixed(2),
    figure(((after.cpu - before.cpu) / lines(ours)) * 1e6),
    figure(sinkCost(0)),
    figure(sinkCost(1)),
    figure(rssBefore),
    figure(await rss()),
    await highWaterMark(webhook.pid),
    refused > 0 ? `${refused} refused` : heard === lines(ours) ? 'all' : `${heard} of ${lines(ours)}`,
  ];
}

async function compareLatency(
  options: Servers & { readonly file: string; readonly context: BenchContext },
): Promise<string[]> {
  const { webhook, sink, express, file, context } = options;
  const load = { ...pace, file, linesInBody: 1, until: { seconds: context.many(20) / 10 } };
  const urls = [webhook.eventsUrl ?? '', sink.url, express.url];
  const results: LoadResult[][] = urls.map(() => []);
  for (let turn = 0; turn < 5; turn += 1) {
    for (const [at, url] of urls.entries()) results[at]?.push(await runLoad({ ...load, url }));
  }
  const medians = results.map((turns) => ({ p50: median(turns, 'p50'), p99: median(turns, 'p99') }));
  const added = (medians[0]?.p99 ?? Number.NaN) - (medians[2]?.p99 ?? Number.NaN);
  return [...medians.flatMap(({ p50, p99 }) => [figure(p50), figure(p99)]), figure(added)];
}

function sum(results: readonly LoadResult[], what: 'answered' | 'sent' | 'seconds' | 'refused'): number {
  return results.reduce((total, result) => total + result[what], 0);
}

function median(results: readonly LoadResult[], what: 'p50' | 'p99'): number {
  return percentile(
    results.map((result) => result[what]),
    0.5,
  );
}
