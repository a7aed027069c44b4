import { parseSelector, type Selector, takesName } from '../../src/paths/selector.ts';
import { createSelectorIndex } from '../../src/paths/selector-index.ts';
import type { Bench, BenchContext, Section } from './context.ts';
import { measureInterestMemory, type PathKind } from './interest-memory.ts';
import { figure, formatTable, ratio } from './table.ts';

export const matching: Bench = {
  name: 'matching',
  about:
    'nanoseconds to find the syncs of one secret among 10, 1,000 and 10,000, beside asking each of them; memory of each',
  async run(context) {
    return [measure(context), measureInterestMemory(kinds, Math.ceil(context.many(5_000)))];
  },
};

/** Paths as syncs have them, each with a name that it takes. */
const kinds: readonly PathKind[] = [
  { path: (sync) => `app-${sync}/db`, name: (sync) => `app-${sync}/db` },
  { path: (sync) => `team-${sync}/.*`, name: (sync) => `team-${sync}/shop/db` },
  { path: (sync) => `team-${sync}-.*`, name: (sync) => `team-${sync}-eu/shop` },
  { path: (sync) => `.*-${sync}/db`, name: (sync) => `eu/shop-${sync}/db` },
  { path: (sync) => `unit-${sync}/**`, name: (sync) => `unit-${sync}/shop/db` },
  { path: (sync) => `*/app-${sync}/**`, name: (sync) => `eu/app-${sync}/shop/db` },
  { path: (sync) => `group-${sync}/(db|web)/[a-z]+`, name: (sync) => `group-${sync}/web/shop` },
  { path: (sync) => `(dev|prod)/app-${sync}/.*`, name: (sync) => `prod/app-${sync}/db` },
];
const place = { vault: 'main', namespace: '', mount: 'secret' };
const rounds = 15;

/** So many syncs, and what is asked of them. */
interface Scene {
  readonly count: number;
  readonly buildMs: number;
  readonly tasks: readonly Task[];
}

interface Task {
  readonly names: readonly string[];
  /** How many syncs select a name. */
  readonly find: (name: string) => number;
  readonly times: number;
  /** Nanoseconds for one name, in the fastest round. */
  fastest: number;
  /** Syncs found for all names. */
  found: number;
}

function measure(context: BenchContext): Section {
  const scenes = [10, 1_000, 10_000].map((count) => sceneOf(count, context));
  // In turns, because machines are not always as fast. The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { tasks } of scenes) for (const task of tasks) run(task, round);
  }
  const rows = scenes.map(({ count, buildMs, tasks }) => [
    count.toLocaleString('en'),
    ...tasks.map(
      ({ fastest }, at) => `${figure(fastest)} (${ratio(fastest, scenes[0]?.tasks[at]?.fastest ?? Number.NaN)})`,
    ),
    tasks.map(({ found }) => found).join('/'),
    figure(buildMs),
  ]);
  return {
    title: 'Finding the syncs that select a secret',
    table: formatTable(['syncs', 'wanted ns', 'unwanted ns', 'asking each ns', 'found of 8', 'build ms'], rows),
    notes: [
      `One literal, glob or pattern each, of eight kinds in turn, some of them without a folder to begin with (team-17-.*, .*-17/db, */app-17/**, (dev|prod)/app-17/.*). The fastest of ${rounds} rounds; in brackets: beside 10 syncs.`,
      'Aim: at most 1.5× from 10 to 10,000. The ancestor (Go), measured on another machine: 26.8 ms for each event with 1,000 patterns.',
    ],
  };
}

function sceneOf(count: number, context: BenchContext): Scene {
  context.say(`${count} syncs`);
  const selectors = Array.from({ length: count }, (_, sync) => selectorOf(sync));
  const startedAt = performance.now();
  const index = createSelectorIndex<number>();
  for (const [sync, selector] of selectors.entries()) index.add(place, selector, sync);
  const buildMs = performance.now() - startedAt;
  // Few names: how fast a processor finds in its memory what is not in its caches is not the question.
  const wanted = kinds.map((kind, at) => {
    const inTheMiddle = Math.floor((count - 1 - at) / kinds.length / 2) * kinds.length;
    return kind.name(numberOf(at + inTheMiddle));
  });
  const unwanted = wanted.map((name) => name.replace(/-(\d+)/, '-x$1'));
  const find = (name: string) => index.find(place, name).length;
  const ask = (name: string) => selectors.filter((selector) => takesName(selector, name)).length;
  return {
    count,
    buildMs,
    tasks: [
      taskOf(wanted, find, context.many(10_000)),
      taskOf(unwanted, find, context.many(10_000)),
      taskOf(wanted, ask, Math.ceil(context.many(20_000) / count)),
    ],
  };
}

function taskOf(names: readonly string[], find: (name: string) => number, times: number): Task {
  return { names, find, times, fastest: Number.POSITIVE_INFINITY, found: 0 };
}

function run(task: Task, round: number): void {
  const { names, find, times } = task;
  let found = 0;
  const startedAt = performance.now();
  for (let time = 0; time < times; time += 1) for (const name of names) found += find(name);
  const nanoseconds = ((performance.now() - startedAt) * 1e6) / times / names.length;
  task.found = found / times;
  if (round > 0) task.fastest = Math.min(task.fastest, nanoseconds);
}

function selectorOf(sync: number): Selector {
  const kind = kinds[sync % kinds.length];
  if (!kind) throw new Error('there are no kinds');
  return parseSelector({ mount: place.mount, path: kind.path(numberOf(sync)) });
}

/** With as many digits for each: a longer name takes longer to read. */
function numberOf(sync: number): number {
  return 10_000 + sync;
}
