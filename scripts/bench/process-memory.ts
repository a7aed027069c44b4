import { readFile } from 'node:fs/promises';

/** The most memory that a process has held so far, in MB; `?` where the system does not tell (Linux does). */
export async function highWaterMark(pid: number): Promise<string> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kibibytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
    return ((kibibytes * 1024) / 1e6).toFixed(0);
  } catch {
    return '?';
  }
}
