import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startVault, type VaultPeer } from '../../test/peers/start-vault.ts';
import { type Program, startProgram } from '../../test/program/start-program.ts';
import { loopbackSettings, region, senderToken } from '../loopback-settings.ts';
import { startAnsweringAws } from './answering-aws.ts';
import { putAll, tailAudit } from './changes.ts';
import { type Bench, type BenchContext, redisIfThere, type Section } from './context.ts';
import type { LoadResult } from './load.ts';
import { benchPath, idsOf, writeManifest } from './manifests.ts';
import { highWaterMark } from './process-memory.ts';
import { startSplit, untilReconciled } from './running.ts';
import { openAnswering } from './stores.ts';
import { figure, formatTable } from './table.ts';

export const ingest: Bench = {
  name: 'ingest',
  about: 'audit entries per second through /events, beside servers that only count bytes',
  async run(context) {
    return [await measure(context)];
  },
};

const sizes = [
  { title: 'one a body', lines: 1, connections: 32 },
  { title: '10,000 a body', lines: 10_000, connections: 4 },
];

async function measure(context: BenchContext): Promise<Section> {
  const title = 'Entries through /events (the webhook as a process of its own, its queue in Redis)';
  await using stack = new AsyncDisposableStack();
  const redis = await redisIfThere(stack, context);
  if (!redis) return { title, table: '(left out: there is no Redis)', notes: [] };
  const vault = await startVault();
  stack.defer(() => vault.stop());
  const aws = await startAnsweringAws();
  stack.defer(() => aws.stop());
  const folder = await context.newFolder('ingest');
  const store = openAnswering(aws, region);
  stack.defer(() => store.close());
  await writeManifest(folder, { name: 'bench', path: benchPath, dest: [store.destination] });
  const settings = loopbackSettings({ name: 'bench', vault, aws, folder });

  // The operator says what it wants to hear, and goes: from then on the webhook has the processor for itself.
  const both = await startSplit({ settings, env: {}, redis: redis.url });
  await untilReconciled(both);
  await both.stop();
  const kinds = await collectLines(vault);
  const webhook = await startProgram({
    settings: { ...settings, roles: ['webhook'], state: { redis: redis.url } },
    env: context.programEnv,
  });
  stack.defer(async () => void (await webhook.stop()));
  const sink = await startSink('bare');
  stack.defer(() => sink.stop());
  const express = await startSink('express');
  stack.defer(() => express.stop());

  const rows: string[][] = [];
  for (const { title: kind, lines } of kinds) {
    for (const { title: size, lines: most, connections } of sizes) {
      context.say(`${kind}, ${size}`);
      const inBody = most === 1 ? 1 : context.many(most);
      const count = most === 1 ? lines.length : inBody;
      const file = join(folder, 'bodies');
      await writeFile(file, Array.from({ length: count }, (_, index) => `${lines[index % lines.length]}\n`).join(''));
      const row = await compare({ webhook, sink, express, file, inBody, connections, context });
      rows.push([`${kind}, ${size}`, ...row]);
    }
  }
  return {
    title,
    table: formatTable(
      [
        'entries',
        'ours/s',
        'sink/s',
        'Express/s',
        'ours/sink',
        'ours/Express',
        'p50 ms',
        'p99 ms',
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
      "Lines are those of a real Vault's audit file in this run: reads (request and response entries, look-ups of a token), puts of secrets that nobody wants, puts of wanted ones (500 secrets in turn).",
      'The sink is a bare server of Node that counts bytes, Express a route of Express that does. The three in turns, two times each; the load comes from a process of its own over kept-alive connections (32 with one line a body, the lines in turn; 4 with many). heard = entries counted by the program, of those sent.',
      'The ancestor (Go), measured on another machine, irrelevant lines: 19,900/s at 57 µs with one line a body; 61,000/s at 30 µs and 900 MB at most with 10,000; with 1,000 regex manifests 4,500–8,100/s.',
    ],
  };
}

/** Audit lines as a real Vault writes them. */
async function collectLines(vault: VaultPeer): Promise<{ title: string; lines: string[] }[]> {
  const ids = idsOf(500);
  const changes = (folder: string) =>
    ids.map((id) => ({ path: `${folder}/${id}`, data: { user: 'ada', password: id } }));
  const audit = tailAudit(vault);
  const isPut = (line: string) => line.includes('"type":"response"') && line.includes('"operation":"create"');
  await audit.lines();
  await putAll(vault, changes('bench'));
  const wanted = (await audit.lines()).filter(isPut);
  await putAll(vault, changes('other'));
  const unwanted = (await audit.lines()).filter(isPut);
  for (const id of ids.slice(0, 50)) {
    await vault.api('GET', `secret/data/bench/${id}`);
    await vault.api('GET', 'auth/token/lookup-self');
  }
  return [
    { title: 'irrelevant: reads', lines: await audit.lines() },
    { title: 'irrelevant: puts nobody wants', lines: unwanted },
    { title: 'matching puts', lines: wanted },
  ];
}

interface Comparison {
  readonly webhook: Program;
  readonly sink: Sink;
  readonly express: Sink;
  /** The lines: of one body, or each a body. */
  readonly file: string;
  /** Lines in a body. */
  readonly inBody: number;
  readonly connections: number;
  readonly context: BenchContext;
}

async function compare(options: Comparison): Promise<string[]> {
  const { webhook, sink, express, file, inBody, connections, context } = options;
  const load = { file, connections, seconds: context.many(20) / 10, bodies: inBody === 1 ? 'lines' : 'whole' } as const;
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
    (rate(ours) / rate(theirs[0])).toFixed(2),
    (rate(ours) / rate(theirs[1])).toFixed(2),
    figure(Math.max(...ours.map(({ p50 }) => p50))),
    figure(Math.max(...ours.map(({ p99 }) => p99))),
    figure(((after.cpu - before.cpu) / lines(ours)) * 1e6),
    figure(sinkCost(0)),
    figure(sinkCost(1)),
    figure(rssBefore),
    figure(await rss()),
    await highWaterMark(webhook.pid),
    refused > 0 ? `${refused} refused` : heard === lines(ours) ? 'all' : `${heard} of ${lines(ours)}`,
  ];
}

async function usageOf(webhook: Program): Promise<{ cpu: number; entries: number }> {
  const [cpu, entries] = await Promise.all([
    webhook.metric('process_cpu_seconds_total'),
    webhook.metric('vss_audit_entries_total'),
  ]);
  return { cpu, entries };
}

function sum(results: readonly LoadResult[], what: 'answered' | 'sent' | 'seconds' | 'refused'): number {
  return results.reduce((total, result) => total + result[what], 0);
}

async function runLoad(options: {
  readonly url: string;
  readonly file: string;
  readonly connections: number;
  readonly seconds: number;
  /** What a body is: the whole file, or each of its lines in turn. */
  readonly bodies: 'whole' | 'lines';
}): Promise<LoadResult> {
  const program = fileURLToPath(new URL('./load.ts', import.meta.url));
  const { url, file, connections, seconds, bodies } = options;
  const args = [url, file, senderToken, String(connections), String(seconds), bodies];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output) as LoadResult;
}

interface Sink {
  readonly url: string;
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

async function startSink(kind: 'bare' | 'express'): Promise<Sink> {
  const program = fileURLToPath(new URL('./sink.ts', import.meta.url));
  const child = spawn(process.execPath, [program, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const url = line.trim();
  return {
    url,
    cpuSeconds: async () => Number(await (await fetch(url)).text()),
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
