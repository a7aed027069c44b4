import { holdsAt } from './spelling.ts';

/** None of these is a KV mount or changes one. */
const paths = ['auth/', 'identity/', 'cubbyhole/', 'sys/leases/', 'sys/capabilities', 'sys/wrapping/'];
const spelled = paths.map((path) => Buffer.from(path));

/** Whether a path that begins at a place of a record lies where no KV mount can be. */
export function beginsNeverKv(record: Buffer, at: number): boolean {
  for (const path of spelled) if (holdsAt(record, path, at)) return true;
  return false;
}

export function isNeverKv(path: string): boolean {
  return paths.some((never) => path.startsWith(never));
}
