import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What `eventually` waits for, and how long. */
export interface Patience {
  /** Ends the sentence "waited 30000 ms for …". */
  what: string;
  /** Milliseconds until it gives up; 30 s unless said, for a machine may have little time for us. */
  within?: number;
  /** Milliseconds between two checks; 25 unless said. */
  every?: number;
}

/**
 * Repeats `check` until it returns something truthy, and returns that. A check that throws counts as "not yet"; its
 * last error becomes the cause of the error thrown when patience ends.
 */
export async function eventually<T>(check: () => T | Promise<T>, patience: Patience): Promise<NonNullable<T>> {
  const within = patience.within ?? 30_000;
  const deadline = performance.now() + within;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      const reason = Error.isError(lastError) ? `: ${lastError.message}` : '';
      throw new Error(`waited ${within} ms for ${patience.what}${reason}`, { cause: lastError });
    }
    await sleep(patience.every ?? 25);
  }
}

/**
 * A loopback TCP port that nothing listened on a moment ago. It lies below those that Linux gives to connections and to who
 * listens on port 0 (from 32,768), of which other tests take hundreds a second; so does the port of a Redis Cluster's own bus,
 * 10,000 above it.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Starts something on a free port, and once more on another one when somebody else took the port in between. */
export async function startOnFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await findFreePort());
    } catch (error) {
      const portWasTaken = Error.isError(error) && /address (is )?already in use|EADDRINUSE/i.test(error.message);
      if (!portWasTaken || attempt === 3) throw error;
    }
  }
}

/** A new folder for one peer's data; its `stop` removes it. */
export function makePeerFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `vss-${name}-`));
}

export interface ProcessOptions {
  /** How errors call it. */
  name: string;
  command: string;
  args: readonly string[];
  /** Its folder: working directory, home, log. Removed when this process dies without having stopped it. */
  folder: string;
  env?: Readonly<Record<string, string>>;
}

/** A peer that runs as a child of this process and never outlives it. */
export interface PeerProcess {
  readonly pid: number;
  /** Standard output and error, both. */
  readonly logFile: string;
  isRunning(): boolean;
  /** Waits, three minutes unless said, until `check` returns something truthy; fails at once, with the end of the log, when the process has ended. */
  untilReady(check: () => unknown, within?: number): Promise<void>;
  readLog(): Promise<string>;
  /** Waits until it has ended by itself. `how` is an exit code or a signal, in words. */
  waitForEnd(): Promise<{ ok: boolean; how: string }>;
  /** Kills it at once (the data of a peer is worth nothing) and waits until it is gone. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open, and once this is done nothing answers. */
  pause(): Promise<void>;
  resume(): void;
}

/** Starts `command` in its own process group, so that Ctrl-C in a terminal reaches only the one who started it. */
export async function startProcess(options: ProcessOptions): Promise<PeerProcess> {
  const { name, folder } = options;
  const logFile = join(folder, `${name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(options.command, options.args, {
    cwd: folder,
    detached: true,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8', ...options.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new Error(`${name}: cannot run ${options.command}`, { cause });
  });
  const pid = child.pid ?? 0;
  const release = killWithParent(pid, folder);
  child.once('exit', release);
  child.unref();

  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const readLog = () => readFile(logFile, 'utf8');
  return {
    pid,
    logFile,
    isRunning,
    readLog,
    async untilReady(check, within = 180_000) {
      const ready = await eventually(async () => !isRunning() || (await check()), { what: name, within }).catch(
        (error: unknown) => error,
      );
      if (Error.isError(ready)) {
        await killGroup(child);
        throw new Error(`${name} is not ready: ${ready.message}\n${lastLines(await readLog())}`, { cause: ready });
      }
      if (isRunning()) return;
      throw new Error(`${name} ended (${howEnded(child)}) before it was ready:\n${lastLines(await readLog())}`);
    },
    async waitForEnd() {
      child.ref();
      if (isRunning()) await once(child, 'exit');
      return { ok: child.exitCode === 0, how: howEnded(child) };
    },
    kill: () => killGroup(child),
    async pause() {
      child.kill('SIGSTOP');
      await eventually(() => !isRunning() || isStopped(pid), { what: `${name} to stand still`, every: 1 });
    },
    resume: () => void child.kill('SIGCONT'),
  };
}

/** Whether no thread of a process runs any more; a signal reaches the last of them a while after it was sent. */
async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  return states.every((stat) => /\) [TtZX] /.test(stat));
}

/** Removes a folder in which a process that was just killed may still have been writing. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

function howEnded(child: ChildProcess): string {
  return child.signalCode ?? `exit code ${child.exitCode}`;
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const exited = once(child, 'exit');
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
  await exited;
}

/**
 * A shell that reads from a pipe whose other end only we hold. When we are gone, however that came about, the pipe
 * closes and the shell kills the peer's process group and removes its folder. `process.on('exit')` would miss a SIGKILL, and
 * jest does not run such handlers.
 *
 * @returns what tells the shell that its work is done.
 */
function killWithParent(pid: number, folder: string): () => void {
  const script = 'read -r released && exit 0; kill -9 "-$1"; sleep 0.2; rm -rf "$2"';
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid), folder], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  if (watcher.stdin !== null && 'unref' in watcher.stdin && typeof watcher.stdin.unref === 'function') {
    watcher.stdin.unref();
  }
  return () => void watcher.stdin?.end('released\n');
}

function lastLines(log: string): string {
  return log.trimEnd().split('\n').slice(-20).join('\n');
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  env: Readonly<Record<string, string>>;
  cwd: string;
  stdin?: string;
}

/** Runs a command line to its end; an exit code other than 0 is a result, not an error. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A command that ends without reading its input closes the pipe: that is its right.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [code] = await once(child, 'close');
  return {
    code: typeof code === 'number' ? code : 1,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}
