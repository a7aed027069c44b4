import { setTimeout as sleep } from 'node:timers/promises';
import { isSame, type Scene } from './bursts.ts';
import { put, valueInVault } from './changes.ts';
import { writeManifest } from './manifests.ts';
import { copyLines } from './running.ts';
import { figure, percentile } from './table.ts';

/** Milliseconds after which a new sync counts as not followed. */
const patienceMs = 10_000;

export const newSyncHeader = ['new sync until a change made at once is copied, ms', 'syncs', 'p50', 'p99', 'max'];

/** Makes syncs one after the other; the secret that each selects is changed as soon as its manifest is there. */
export async function measureNewSyncs(scene: Scene, folder: string, count: number): Promise<string[]> {
  const times: number[] = [];
  for (let index = 1; index <= count; index++) times.push(await followNewSync(scene, folder, index));
  const figures = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)];
  return [scene.label, String(count), ...figures.map(figure)];
}

/** Milliseconds from the manifest to the write that brought the change; not a number when none did. */
async function followNewSync({ running, vault, stores, next }: Scene, folder: string, index: number): Promise<number> {
  const [store] = stores;
  if (!store) throw new Error('the bench has no store');
  const id = `n-${running.mode === 'one process' ? 1 : 2}${String(index).padStart(3, '0')}`;
  await put(vault, `bench/${id}`, { password: next() });
  const from = running.operator.log.length;
  const path = `secret/bench/(${id})`;
  await writeManifest(folder, { name: id, path, dest: [store.destination] });
  const begun = Date.now();
  await put(vault, `bench/${id}`, { password: next() });
  const wanted = await valueInVault(vault, `bench/${id}`);
  while (Date.now() - begun < patienceMs) {
    const lines = copyLines(running, from).filter(({ copy }) => copy === store.copyOf(id));
    const isThere = lines.length > 0 && isSame((await store.values([id]))[0] ?? null, wanted);
    if (isThere) return (lines.at(-1)?.at ?? Number.NaN) - begun;
    await sleep(5);
  }
  return Number.NaN;
}
