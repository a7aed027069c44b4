import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultPeer } from '../../test/peers/start-vault.ts';
import type { History } from './history.ts';

export interface WriterCounts {
  puts: number;
  deletions: number;
  undeletions: number;
  recreations: number;
}

/** Changes secrets at random until `until` says so, in bursts and one by one, and counts what Vault took. */
export async function writeSecrets(options: {
  readonly vault: VaultPeer;
  readonly names: readonly string[];
  readonly random: () => number;
  readonly history: History;
  readonly counts: WriterCounts;
  readonly isOver: () => boolean;
}): Promise<void> {
  const { vault, names, random, history, counts, isOver } = options;
  let serial = 0;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const ask = async (method: string, name: string, kind: string, body?: unknown) => {
    const type = method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {};
    const { status } = await vault.api(method, `secret/${kind}/chaos/${name}`, body, type);
    history.note(name, `Vault: ${method} ${kind} → ${status}`);
    return status < 300;
  };
  const put = async (name: string) => {
    if (await ask('POST', name, 'data', { data: { n: String(++serial) } })) counts.puts++;
  };
  const operations = [
    put,
    put,
    put,
    async (name: string) => {
      for (let left = Math.ceil(random() * 8); left > 0; left--) await put(name);
    },
    async (name: string) => {
      if (await ask('PATCH', name, 'data', { data: { p: String(++serial) } })) counts.puts++;
    },
    async (name: string) => {
      if (await ask('DELETE', name, 'data')) counts.deletions++;
    },
    async (name: string) => {
      if (await ask('POST', name, 'undelete', { versions: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] })) counts.undeletions++;
    },
    async (name: string) => {
      if (await ask('POST', name, 'destroy', { versions: [1, 2, 3] })) counts.deletions++;
    },
    async (name: string) => {
      if (await ask('DELETE', name, 'metadata')) counts.deletions++;
    },
    async (name: string) => {
      if (!(await ask('DELETE', name, 'metadata'))) return;
      await put(name);
      counts.recreations++;
    },
  ];
  while (!isOver()) {
    await pick(operations)(pick(names));
    await sleep(random() * 60);
  }
}

/** What a copy must hold by what Vault says now; null = there must be none. */
export async function whatVaultSays(vault: VaultPeer, name: string): Promise<string | null> {
  const { status, body } = await vault.api('GET', `secret/data/chaos/${name}`);
  if (status === 404) return null;
  const { data } = (body as { data: { data: Record<string, string> } }).data;
  return JSON.stringify(Object.fromEntries(Object.entries(data).sort()));
}
