import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench } from './context.ts';
import { figure, formatTable, ratio } from './table.ts';

const run = fileURLToPath(new URL('planning-run.ts', import.meta.url));

/** What `planning-run.ts` prints. */
interface Measured {
  readonly count: number;
  readonly seconds: {
    readonly bare: number;
    readonly plan: number;
    readonly first: number;
    readonly unchanged: number;
  };
  readonly memory: { readonly before: number; readonly after: number; readonly peak: number };
  readonly calls: { readonly list: number; readonly describe: number; readonly write: number };
}

export const planning: Bench = {
  name: 'planning',
  about: 'one sync of 100,000 secrets, in one process with a Vault and a store of a few lines',
  async run({ many, say }) {
    const rows: string[][] = [];
    const unchanged: string[] = [];
    for (const count of [many(10_000), many(100_000)]) {
      say(`${count} copies`);
      const { stdout } = await promisify(execFile)(process.execPath, [run, String(count)]);
      const { seconds, memory, calls } = JSON.parse(stdout) as Measured;
      const row = (what: string, took: number) => [
        what,
        figure(count),
        figure(count / took),
        ratio(took, seconds.bare),
        figure(took),
      ];
      rows.push(row('plan (dry run, nothing there yet)', seconds.plan));
      rows.push(row('first reconcile', seconds.first));
      rows.push(row('reconcile of unchanged copies', seconds.unchanged));
      unchanged.push(
        `${figure(count)} copies: ${figure(memory.before / 1e6)} MB before, ${figure(memory.after / 1e6)} MB at most while planning, ` +
          `${figure(memory.peak / 1e6)} MB at most with ledger and store in the same process; ` +
          `unchanged: ${calls.list} listing, ${calls.describe} descriptions, ${calls.write} writes`,
      );
    }
    return [
      {
        title: 'Planning (Vault and store in memory; bare: a loop that reads, makes the text, two HMACs and a record)',
        table: formatTable(['what', 'copies', 'copies/s', 'of bare', 'seconds'], rows),
        notes: unchanged,
      },
    ];
  },
};
