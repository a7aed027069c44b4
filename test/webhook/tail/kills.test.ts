import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { seededRandom } from '../../../scripts/chaos/random.ts';
import type { NewJob } from '../../../src/state/contract.ts';
import { eventually } from '../../peers/processes.ts';
import { auditLine } from '../entries.ts';

const program = fileURLToPath(new URL('killed-follower.ts', import.meta.url));
const kills = 8;
const secrets = 200;

let folder: string;
let log: string;
let queueFile: string;
let follower: ChildProcess | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-kills-'));
  log = join(folder, 'audit.log');
  queueFile = join(folder, 'queue.ndjson');
  await writeFile(log, '');
  await writeFile(queueFile, '');
});

afterEach(async () => {
  await kill();
  await rm(folder, { recursive: true, force: true });
});

async function follow(): Promise<void> {
  const args = [program, log, join(folder, 'checkpoint.json'), queueFile];
  follower = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(follower.stdout ?? follower, 'data');
}

async function kill(): Promise<void> {
  if (!follower) return;
  const exited = once(follower, 'exit');
  follower.kill('SIGKILL');
  await exited;
  follower = null;
}

async function queued(): Promise<NewJob[]> {
  const lines = (await readFile(queueFile, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as NewJob);
}

/** The highest version of each secret that was queued. */
async function versionsQueued(): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const { job, heard } of await queued()) {
    if (job.kind !== 'path') continue;
    versions.set(job.name, Math.max(versions.get(job.name) ?? 0, heard?.version ?? 0));
  }
  return versions;
}

/** Vault, as far as its audit file goes: it writes on whatever happens to who reads, and is told to begin a new file. */
class Writer {
  readonly written = new Map<string, number>();
  rotations = 0;
  readonly #random: () => number;
  #open = log;

  constructor(random: () => number) {
    this.#random = random;
  }

  async write(): Promise<void> {
    const lines = Array.from({ length: 1 + Math.floor(this.#random() * 20) }, () => this.#line()).join('');
    // Now and then in two, cut anywhere.
    const cut = this.#random() < 0.3 ? Math.floor(this.#random() * lines.length) : lines.length;
    await appendFile(this.#open, lines.slice(0, cut));
    await appendFile(this.#open, lines.slice(cut));
  }

  /** Renamed first; what Vault writes until it is told goes to the old one. Older ones are compressed. */
  async rotate(): Promise<void> {
    this.rotations += 1;
    const rotated = `${log}-${String(20261100 + this.rotations)}`;
    await rename(log, rotated);
    this.#open = rotated;
    await this.write();
    this.#open = log;
    await this.write();
    const older = `${log}-${String(20261099 + this.rotations)}`;
    const names = await readdir(folder);
    if (this.#random() < 0.5 || !names.includes(older.slice(folder.length + 1))) return;
    await writeFile(`${older}.gz`, gzipSync(await readFile(older)));
    await rm(older);
  }

  #line(): string {
    const name = `app-${Math.floor(this.#random() * secrets)}`;
    if (this.#random() < 0.5) return auditLine({ operation: 'read', path: `secret/data/${name}` });
    const version = (this.written.get(name) ?? 0) + 1;
    this.written.set(name, version);
    return auditLine({ path: `secret/data/${name}`, version });
  }
}

test.each([1, 2, 3])('no change is lost to kills at random, seed %i', async (seed) => {
  const random = seededRandom(seed);
  const writer = new Writer(random);
  await follow();
  for (let round = 0; round < kills; round += 1) {
    const steps = 5 + Math.floor(random() * 20);
    const killedAt = Math.floor(random() * steps);
    for (let step = 0; step < steps; step += 1) {
      if (random() < 0.1) await writer.rotate();
      else await writer.write();
      await sleep(random() * 10);
      if (step === killedAt) await kill();
    }
    await follow();
  }

  const isComplete = async () => {
    const versions = await versionsQueued();
    return [...writer.written].every(([name, version]) => versions.get(name) === version);
  };
  await eventually(isComplete, { what: 'every change in the queue' }).catch(() => undefined);

  const versions = await versionsQueued();
  const lost = [...writer.written].filter(([name, version]) => versions.get(name) !== version);
  const reconciles = (await queued()).filter(({ job }) => job.kind === 'mount');
  expect(lost).toEqual([]);
  // Nothing was made up for by a look at everything.
  expect(reconciles).toEqual([]);
  expect(writer.rotations).toBeGreaterThan(3);
});
