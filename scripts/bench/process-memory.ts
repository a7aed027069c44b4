import { readFile } from 'node:fs/promises';

/** The most memory that a process has held so far, in MB; `?` where the system does not tell (Linux does). */
export function highWaterMark(pid: number): Promise<string> {
  return read(pid, /^VmHWM:\s+(\d+) kB/m);
}

/** The memory that a process holds now, in MB; `?` where the system does not tell. */
export function residentNow(pid: number): Promise<string> {
  return read(pid, /^VmRSS:\s+(\d+) kB/m);
}

async function read(pid: number, line: RegExp): Promise<string> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kibibytes = Number(line.exec(status)?.[1]);
    return ((kibibytes * 1024) / 1e6).toFixed(0);
  } catch {
    return '?';
  }
}
