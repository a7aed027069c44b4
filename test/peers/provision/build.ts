import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeFolder, startProcess } from '../processes.ts';
import { withLock } from './lock.ts';

export interface BuildStep {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export interface BuildOptions {
  /** The folder of everything that was ever built. */
  cache: string;
  /** How it is called: `vault 1.21.0`. */
  what: string;
  /** Completes "because …". */
  why: string;
  /** How long it usually takes: `3 to 8 minutes`. */
  usually: string;
  /** What to do when it fails: a sentence. */
  remedy: string;
  /** The commands, which put their result into `output`, an empty folder. */
  steps: (output: string) => readonly BuildStep[];
  /** Environment of all steps. */
  env: Readonly<Record<string, string>>;
  report: (line: string) => void;
  /** Milliseconds between two signs of life; 15 s unless said. */
  heartbeatEvery?: number;
}

export interface Product {
  /** Where it goes, under the cache: `vault/1.21.0-1b2c3d4e`. */
  product: string;
  /** The file in it without which it does not count: `vault`. */
  proof: string;
}

/**
 * Builds a product unless it is there. It is either there in full or not at all: an interrupted build leaves nothing that
 * the next one would take for a result.
 */
export async function buildOnce(options: BuildOptions & Product): Promise<void> {
  const product = join(options.cache, options.product);
  const isThere = () => existsSync(join(product, options.proof));
  if (isThere()) return;
  await build(options, {
    isNeeded: () => !isThere(),
    async keep(output) {
      // What is there but does not count: e.g. a virtual environment whose Python was uninstalled.
      await removeFolder(product);
      await mkdir(dirname(product), { recursive: true });
      await rename(output, product);
    },
  });
}

interface Outcome {
  /** Asked once no other build runs any more. */
  isNeeded: () => boolean;
  keep: (output: string) => Promise<void>;
}

/** Runs a build's commands; only one build runs on a machine at a time. */
export async function build(options: BuildOptions, outcome?: Outcome): Promise<void> {
  const { cache, what, report } = options;
  await mkdir(cache, { recursive: true });
  await withLock({ file: join(cache, 'build.lock'), purpose: what, report }, async () => {
    if (outcome?.isNeeded() === false) return;
    await removeUnfinished(cache);
    const folder = await mkdtemp(join(cache, unfinished));
    try {
      const output = join(folder, 'output');
      await mkdir(output);
      report(`building ${what}, because ${options.why}; this usually takes ${options.usually}`);
      const start = performance.now();
      for (const step of options.steps(output)) await runStep(step, folder, options);
      await outcome?.keep(output);
      report(`built ${what} in ${seconds(start)} s`);
    } finally {
      await removeFolder(folder);
    }
  });
}

const unfinished = '.unfinished-';

/** Whoever left these is dead: we hold the lock. */
async function removeUnfinished(cache: string): Promise<void> {
  const names = await readdir(cache);
  for (const name of names.filter((each) => each.startsWith(unfinished))) await removeFolder(join(cache, name));
}

async function runStep(step: BuildStep, folder: string, options: BuildOptions): Promise<void> {
  const { what, remedy, report, heartbeatEvery = 15_000 } = options;
  const start = performance.now();
  const name = 'build';
  const child = await startProcess({
    name,
    command: step.command,
    args: step.args,
    folder,
    // What compilers leave behind when they are killed goes with the folder.
    env: { ...options.env, ...step.env, TMPDIR: folder },
  });
  const heartbeat = setInterval(() => report(`  still building ${what} (${seconds(start)} s)`), heartbeatEvery);
  try {
    const { how, ok } = await child.waitForEnd();
    if (ok) return;
    const log = (await child.readLog()).trimEnd().split('\n').slice(-12).join('\n');
    throw new Error(`${what} could not be built (${step.command}: ${how}). ${remedy}\n${log}`);
  } finally {
    clearInterval(heartbeat);
  }
}

function seconds(start: number): number {
  return Math.round((performance.now() - start) / 1000);
}
