import type { VaultPeer } from '../../test/peers/start-vault.ts';
import { mapAtOnce, put } from './changes.ts';
import type { BenchStore } from './stores.ts';

/** The least that anybody can do about a change: read it from Vault and write it to each store with the vendor's SDK. */
export interface BareScript {
  /** Milliseconds from the start of the reading to each store's answer; the stores are written to side by side. */
  change(): Promise<number[]>;
  /** Milliseconds for so many changes, 40 at once: as many as vault-secret-sync works on at once. */
  changes(count: number): Promise<number>;
}

const path = 'bare/source';
/** Secrets that it writes to in turn. */
const secrets = 40;
const atOnce = 40;

/** Creates what the script writes to, and runs it a few times: connections and code are warm as ours are. */
export async function openBareScript(vault: VaultPeer, stores: readonly BenchStore[]): Promise<BareScript> {
  await put(vault, path, { user: 'ada', password: 'bare' });
  const ids = Array.from({ length: secrets }, (_, index) => `bare-${index + 1}`);
  for (const store of stores) await mapAtOnce(ids, 8, (id) => store.create(id, 'first'));
  let turn = 0;
  const change = async (): Promise<number[]> => {
    turn += 1;
    const id = ids[turn % secrets] ?? '';
    const startedAt = performance.now();
    const { body } = await vault.api('GET', `secret/data/${path}`);
    const { password } = (body as { data: { data: Record<string, string> } }).data.data;
    return Promise.all(
      stores.map(async (store) => {
        await store.write(id, JSON.stringify({ password, turn }));
        return performance.now() - startedAt;
      }),
    );
  };
  for (let warmUp = 0; warmUp < secrets; warmUp += 1) await change();
  return {
    change,
    async changes(count) {
      const startedAt = performance.now();
      await mapAtOnce(Array.from({ length: count }), atOnce, change);
      return performance.now() - startedAt;
    },
  };
}
