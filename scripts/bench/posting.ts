import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../test/program/start-program.ts';
import { senderToken } from '../loopback-settings.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** Posts lines from a process of its own, with the token of a sender unless another is given. */
export async function runLoad(options: Omit<LoadOptions, 'token'> & { readonly token?: string }): Promise<LoadResult> {
  const program = fileURLToPath(new URL('./load.ts', import.meta.url));
  const all: LoadOptions = { token: senderToken, ...options };
  const child = spawn(process.execPath, [program, JSON.stringify(all)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output) as LoadResult;
}

/** A server, of a process of its own, that only counts bytes. */
export interface Sink {
  readonly url: string;
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

export async function startSink(kind: 'bare' | 'express'): Promise<Sink> {
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

/** Processor seconds that a webhook has used so far, and entries that it has heard. */
export async function usageOf(webhook: Program): Promise<{ readonly cpu: number; readonly entries: number }> {
  const [cpu, entries] = await Promise.all([
    webhook.metric('process_cpu_seconds_total'),
    webhook.metric('vss_audit_entries_total'),
  ]);
  return { cpu, entries };
}
