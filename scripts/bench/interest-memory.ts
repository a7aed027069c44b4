import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseSelector } from '../../src/paths/selector.ts';
import type { InterestEntry } from '../../src/state/contract.ts';
import { buildInterestIndex } from '../../src/webhook/interest-index.ts';
import type { Section } from './context.ts';
import { figure, formatTable } from './table.ts';

/** Paths of one kind as syncs have them, each with a name that it takes. */
export interface PathKind {
  path(sync: number): string;
  name(sync: number): string;
}

const place = { vault: 'main', namespace: '', mount: 'secret' };

/** What a webhook keeps for each sync: at first, and once a change of every one of them was heard. */
export function measureInterestMemory(kinds: readonly PathKind[], syncs: number): Section {
  const collectGarbage = garbageCollector();
  const measure = (kind: PathKind): number[] => {
    const entries = Array.from({ length: syncs }, (_, sync) => entryOf(kind.path(10_000 + sync)));
    const published = JSON.stringify({ format: 1, revision: 1, entries, kvVersions: {} });
    const names = Array.from({ length: syncs }, (_, sync) => `secret/data/${kind.name(10_000 + sync)}`);
    const before = collectGarbage();
    const index = buildInterestIndex(JSON.parse(published), null);
    const built = collectGarbage() - before;
    for (const path of names) index.match({ ...place, path });
    const asked = collectGarbage() - before;
    // Used once more, so that it is still there when it is measured.
    if (index.match({ ...place, path: names[0] ?? '' }).length === 0) throw new Error(`${names[0]} is not found`);
    return [built, asked];
  };
  // What is kept once, for all of them, comes first, and what others left behind goes.
  for (const kind of kinds) measure(kind);
  const rows = kinds.map((kind) => [kind.path(17), ...measure(kind).map((bytes) => figure(bytes / syncs / 1000))]);
  return {
    title: 'What a webhook keeps of each sync',
    table: formatTable(['path', 'kB', 'kB, once asked for'], rows),
    notes: [
      `Of ${syncs.toLocaleString('en')} syncs of one kind. A pattern that must be tested is compiled when a name comes that it may take, and kept.`,
    ],
  };
}

function entryOf(path: string): InterestEntry {
  const selector = parseSelector({ mount: place.mount, path });
  return selector.kind === 'literal'
    ? { ...place, literal: selector.name, prefix: '', pattern: null }
    : { ...place, literal: null, prefix: selector.prefix, pattern: selector.text };
}

/** Collects, and returns the bytes that are in use. */
function garbageCollector(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
}
