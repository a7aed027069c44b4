import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder says every so often (ms) that it is alive … */
const touchEvery = 5_000;
/** … and one that has not for this long (ms) is taken for dead, whoever has its process id now. */
const staleAfter = 120_000;

export interface LockOptions {
  file: string;
  /** What the holder does, for those who wait: `vault 1.21.0`. */
  purpose: string;
  report: (line: string) => void;
}

interface Holder {
  /** One taking of the lock. */
  id: string;
  pid: number;
  purpose: string;
}

/** Runs `work` while no other process of this machine runs work under the same lock file. */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { file } = options;
  const id = randomUUID();
  await takeLock(id, options);
  const touching = setInterval(() => utimes(file, new Date(), new Date()).catch(() => undefined), touchEvery);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    // Somebody else's by now when we were frozen for so long that we were taken for dead.
    if ((await readHolder(file))?.id === id) await rm(file, { force: true });
  }
}

async function takeLock(id: string, { file, purpose, report }: LockOptions): Promise<void> {
  // Written first, then linked into place, so that nobody ever reads half a lock.
  const draft = `${file}.${id}`;
  await writeFile(draft, JSON.stringify({ id, pid: process.pid, purpose } satisfies Holder));
  try {
    for (let waiting = false; !(await createLink(draft, file)); ) {
      const holder = await readHolder(file);
      if (holder === undefined) continue;
      if (await isDead(file, holder)) {
        await breakLock(file);
        continue;
      }
      if (!waiting) report(`waiting for process ${holder.pid}, which builds ${holder.purpose}`);
      waiting = true;
      await sleep(250);
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function createLink(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** @returns undefined when the lock was given back meanwhile. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isDead(file: string, holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return true;
  }
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return age > staleAfter;
}

/**
 * Removes a dead holder's lock. Of two processes that find it dead, the slower one would remove the lock that the faster one
 * has taken since; so only one at a time may look again and remove.
 */
async function breakLock(file: string): Promise<void> {
  const breaker = `${file}.breaker`;
  try {
    await writeFile(breaker, '', { flag: 'wx' });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    const age = await stat(breaker).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > staleAfter) await rm(breaker, { force: true });
    await sleep(50);
    return;
  }
  try {
    const holder = await readHolder(file);
    if (holder !== undefined && (await isDead(file, holder))) await rm(file, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return Error.isError(error) && 'code' in error && error.code === code;
}
