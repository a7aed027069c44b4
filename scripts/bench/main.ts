import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { programFile } from '../../test/program/start-program.ts';
import { accepting } from './accepting.ts';
import { answersAtOnce } from './answers-at-once.ts';
import { backfill } from './backfill.ts';
import { calls } from './calls.ts';
import { changeToCopy } from './change-to-copy.ts';
import { createContext, type Section } from './context.ts';
import { endToEnd } from './end-to-end.ts';
import { firstSync } from './first-sync.ts';
import { flameGraph } from './flame-graph.ts';
import { ingest } from './ingest.ts';
import { matching } from './matching.ts';
import { planning } from './planning.ts';
import { storeMemory } from './store-memory.ts';
import { storeSpeed } from './store-speed.ts';
import { streaming } from './streaming.ts';

/**
 * The figures of the README. Peers are real or the tests' stand-ins, the program is the compiled one, and everything is
 * measured beside something bare in the same run: machines differ, ratios less so. Nothing here can fail for being slow.
 */
const benches = [
  changeToCopy,
  answersAtOnce,
  calls,
  ingest,
  accepting,
  streaming,
  endToEnd,
  matching,
  firstSync,
  planning,
  backfill,
  storeSpeed,
  storeMemory,
];

const help = `usage: node scripts/bench/main.ts [options]

  --only NAME      one of:
${benches.map(({ name, about }) => `                     ${name.padEnd(16)} ${about}`).join('\n')}
  --quick          a tenth of everything: to see that it works, not for figures
  --profile DIR    let Node write a CPU profile of each program that is measured to DIR, and draw it as a flame graph (SVG)
  --help           this text
`;

/** @returns the exit code */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const chosen = benches.filter(({ name }) => values.only === undefined || values.only === name);
  if (chosen.length === 0) {
    console.error(`there is no bench "${values.only}"; there are ${benches.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  if (!existsSync(programFile)) {
    console.error('the program is not built: run make build');
    return 2;
  }
  const profiles = values.profile === undefined ? null : resolve(values.profile);
  if (profiles !== null) await mkdir(profiles, { recursive: true });

  console.log(describeMachine());
  if (values.quick) console.log('with --quick: too few of everything for figures');
  const context = createContext({ quick: values.quick, profiles });
  const startedAt = performance.now();
  for (const bench of chosen) {
    console.error(`${bench.name}: ${bench.about}`);
    for (const section of await bench.run(context)) print(section);
  }
  if (profiles !== null) await drawProfiles(profiles);
  console.log(`\nload at the end ${loads()}; ${Math.round((performance.now() - startedAt) / 1000)} s in all`);
  return 0;
}

/** One flame graph beside each profile. */
async function drawProfiles(folder: string): Promise<void> {
  const profiles = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  for (const name of profiles) {
    const drawn = join(folder, name.replace(/cpuprofile$/, 'svg'));
    await writeFile(drawn, flameGraph(JSON.parse(await readFile(join(folder, name), 'utf8'))));
    console.log(`\nflame graph: ${drawn}`);
  }
}

function describeMachine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} cores (${processors[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, Node ${process.version}; load average ${loads()} before the start`;
}

function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}

function print({ title, table, notes }: Section): void {
  console.log(`\n## ${title}\n\n${table}\n${notes.map((note) => `  ${note}`).join('\n')}`);
}

// Peers and programs end with this process, if it ends by `exit`.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
process.exitCode = await main();
