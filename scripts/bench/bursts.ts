import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { VaultPeer } from '../../test/peers/start-vault.ts';
import type { BareScript } from './bare-script.ts';
import { type AuditTail, mapAtOnce, put, putAll, valueInVault } from './changes.ts';
import { copyLines, type Running, untilWritten } from './running.ts';
import type { BenchStore } from './stores.ts';
import { figure, percentile, ratio } from './table.ts';

/** A program that hears a Vault and keeps copies of `secret/bench/…` in some stores. */
export interface Scene {
  /** How the tables call it. */
  readonly label: string;
  readonly running: Running;
  readonly vault: VaultPeer;
  readonly audit: AuditTail;
  readonly stores: readonly BenchStore[];
  readonly bare: BareScript;
  /** Ids of the secrets, all of them copied already. */
  readonly ids: readonly string[];
  /** A different text each time, for values. */
  next(): string;
}

/** Milliseconds after which a copy counts as missing. */
const patienceMs = 60_000;

export function counter(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `value-${count}`;
  };
}

export const sequenceHeader = [
  'change in Vault to copy, ms',
  'changes',
  'p50',
  'p99',
  'max',
  'bare p50',
  'bare p99',
  'ratio p50',
];

/** Changes one secret after the other, each once the copies of the one before are there; in turns with the bare script. */
export async function measureSequence(scene: Scene, count: number): Promise<string[][]> {
  const { running, vault, audit, stores, bare, next } = scene;
  await audit.lines();
  const changes: { request: string; written: Map<string, number>; id: string }[] = [];
  const bareTimes: number[][] = [];
  for (const id of scene.ids.slice(0, count)) {
    const from = running.operator.log.length;
    const request = await put(vault, `bench/${id}`, { user: 'ada', password: next() });
    const copies = stores.map((store) => store.copyOf(id));
    changes.push({ request, id, written: await untilWritten(running, { from, copies, withinMs: patienceMs }) });
    bareTimes.push(await bare.change());
  }
  const changedAt = await audit.changeTimes();
  const latencies = changes.map(({ request, written, id }) =>
    stores.map((store) => (written.get(store.copyOf(id)) ?? Number.NaN) - (changedAt.get(request) ?? Number.NaN)),
  );
  const row = (title: string, pick: (times: readonly number[]) => number) => {
    const [ours, theirs] = [latencies.map(pick), bareTimes.map(pick)];
    const [p50, bareP50] = [percentile(ours, 0.5), percentile(theirs, 0.5)];
    return [
      `${scene.label}: ${title}`,
      String(count),
      figure(p50),
      figure(percentile(ours, 0.99)),
      figure(Math.max(...ours)),
      figure(bareP50),
      figure(percentile(theirs, 0.99)),
      ratio(p50, bareP50),
    ];
  };
  return [
    ...stores.map((store, index) => row(store.title, (times) => times[index] ?? Number.NaN)),
    row('the last of them', (times) => Math.max(...times)),
  ];
}

export const burstHeader = [
  'many secrets at once, s',
  'changes',
  'copies',
  'puts took',
  'last copy after',
  'bare script',
  'ratio',
  'equal at the end',
];

/** Changes many secrets at once. */
export async function measureBurst(scene: Scene, count: number): Promise<string[]> {
  const { running, vault, audit, stores, bare, next } = scene;
  const ids = scene.ids.slice(0, count);
  await audit.lines();
  const from = running.operator.log.length;
  await putAll(
    vault,
    ids.map((id) => ({ path: `bench/${id}`, data: { user: 'ada', password: next() } })),
  );
  const copies = ids.flatMap((id) => stores.map((store) => store.copyOf(id)));
  const written = await untilWritten(running, { from, copies, withinMs: patienceMs });
  const changedAt = [...(await audit.changeTimes()).values()];
  const [first, last] = [Math.min(...changedAt), Math.max(...changedAt)];
  const seconds = (Math.max(...written.values()) - first) / 1000;
  const bareSeconds = (await bare.changes(count)) / 1000;
  return [
    scene.label,
    String(count),
    String(copies.length),
    figure((last - first) / 1000),
    written.size === copies.length ? figure(seconds) : `${copies.length - written.size} missing`,
    figure(bareSeconds),
    ratio(seconds, bareSeconds),
    await equalCopies(scene, ids),
  ];
}

/** `500 of 500`: copies that hold just what Vault holds. */
async function equalCopies({ vault, stores }: Scene, ids: readonly string[]): Promise<string> {
  const wanted = await mapAtOnce(ids, 16, (id) => valueInVault(vault, `bench/${id}`));
  let equal = 0;
  for (const store of stores) {
    const found = await store.values(ids);
    equal += found.filter((value, index) => isSame(value, wanted[index])).length;
  }
  return `${equal} of ${ids.length * stores.length}`;
}

/** Whether a copy's text is just what Vault holds. */
export function isSame(copy: string | null, source: unknown): boolean {
  return copy !== null && isDeepStrictEqual(JSON.parse(copy), source);
}

export const onePathHeader = [
  'one secret, many puts at once',
  'puts',
  'puts took, s',
  'writes',
  'last write after, s',
  'at the end',
];

/** Puts one secret many times at once. */
export async function measureOnePath(scene: Scene, puts: number): Promise<string[][]> {
  const { running, vault, audit, stores, next } = scene;
  const id = scene.ids.at(-1) ?? '';
  await audit.lines();
  const before = await Promise.all(stores.map((store) => store.versions(id)));
  const from = running.operator.log.length;
  const changes = Array.from({ length: puts }, () => ({
    path: `bench/${id}`,
    data: { user: 'ada', password: next() },
  }));
  await putAll(vault, changes);
  const wanted = await valueInVault(vault, `bench/${id}`);
  const isRight = async (store: BenchStore) => isSame((await store.values([id]))[0] ?? null, wanted);
  await untilTrue(async () => (await Promise.all(stores.map(isRight))).every(Boolean));
  // What was still under way must not put an older value in its place.
  await sleep(1_000);
  const times = [...(await audit.changeTimes()).values()];
  const first = Math.min(...times);
  const lines = copyLines(running, from);
  return Promise.all(
    stores.map(async (store, index) => {
      const writes = lines.filter(({ copy }) => copy === store.copyOf(id)).map(({ at }) => at);
      return [
        `${scene.label}: ${store.title}`,
        String(puts),
        figure((Math.max(...times) - first) / 1000),
        String((await store.versions(id)) - (before[index] ?? 0)),
        figure((Math.max(...writes) - first) / 1000),
        (await isRight(store)) ? 'right value' : 'WRONG VALUE',
      ];
    }),
  );
}

/** Until it holds, or for 20 s: then the table says what is wrong. */
async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await check()) && Date.now() < deadline) await sleep(100);
}
