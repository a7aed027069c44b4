import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { eventually } from '../peers/processes.ts';

/** The compiled program: what users run, and so what is tested. */
export const programFile = fileURLToPath(new URL('../../dist/vault-secret-sync.cjs', import.meta.url));

/** A line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly level?: string };

/** The compiled program, running. */
export interface Program {
  readonly pid: number;
  /** The file that its settings come from, which it watches. */
  readonly settingsFile: string;
  /** Every line logged so far. */
  readonly log: readonly LogLine[];
  /** Everything written so far, standard output and error, as it came. */
  text(): string;
  /** Addresses from the line that says it has started. */
  readonly opsUrl: string;
  readonly eventsUrl: string | null;
  /** Port of the first TCP listener. */
  readonly tcpPort: number | null;
  metrics(): Promise<string>;
  /** The sum of a metric's samples whose labels include these. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Asks it to stop, as Kubernetes and Ctrl-C do, and waits for its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the compiled program with these settings, and waits until it says that it has started. */
export async function startProgram(options: {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'vss-program-'));
  const file = join(folder, 'settings.yaml');
  await writeFile(file, stringify(options.settings), { mode: 0o600 });
  const child = spawn(process.execPath, [programFile, 'start', '--settings', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...options.env },
    detached: true,
  });
  // It must not outlive a test run that is cut short.
  const killWithUs = () => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const log: LogLine[] = [];
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      written.push(line);
      log.push(parseLine(line));
    });
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    process.off('exit', killWithUs);
    const code = await end(child, signal);
    await rm(folder, { recursive: true, force: true });
    return code;
  };
  const find = () => log.find(({ msg }) => msg === 'started');
  const started = await eventually(() => find() ?? child.exitCode !== null, {
    what: 'the program to start',
    within: 120_000,
  }).catch(() => null);
  const line = typeof started === 'object' ? started : null;
  if (!line) {
    await stop('SIGKILL');
    throw new Error(`the program did not start:\n${written.slice(-20).join('\n')}`);
  }
  const opsUrl = local(String(line['ops']));
  const metrics = async () => (await fetch(`${opsUrl}/metrics`, { headers: { connection: 'close' } })).text();
  const [tcp] = (line['tcp'] as string[] | undefined) ?? [];
  return {
    pid: child.pid ?? 0,
    settingsFile: file,
    log,
    text: () => written.join('\n'),
    opsUrl,
    eventsUrl: typeof line['events'] === 'string' ? local(line['events']) : null,
    tcpPort: tcp === undefined ? null : Number(tcp.split(':').pop()),
    metrics,
    metric: async (name, labels = {}) => sumOf(await metrics(), name, labels),
    stop,
  };
}

/** Adds up a metric's samples in Prometheus' text format. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function local(url: string): string {
  return url.replace('0.0.0.0', '127.0.0.1');
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}
