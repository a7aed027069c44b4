import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Ledger } from '../state/contract.ts';
import { type Wishes, wishesOf } from './requests.ts';

/**
 * The leader asks for a reconcile as soon as it sees a change, and any replica may take the job, perhaps one whose watch
 * has yet to show that change: it would follow the old manifest, and nobody would ask again. So the leader leaves
 * word of what it has seen, and a replica that has seen something else waits a moment.
 */

const askedFact = 'asked';
/** Milliseconds that a replica waits for its own watch before it goes by what it has. */
const patienceMs = 10_000;

interface Asked {
  readonly wishes: Wishes;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** Leaves word of what a reconcile is about to be asked for. */
export async function leaveWord(ledger: Ledger, key: string, asked: Asked): Promise<void> {
  await ledger.remember(key, askedFact, JSON.stringify(asked));
}

/** Whether the job is for a change that this replica has yet to see. */
export async function mustWait(ledger: Ledger, key: string, seen: { sync: VaultSecretSync | null; now: number }) {
  const text = await ledger.recall(key, askedFact);
  if (!text) return false;
  const { wishes, at } = JSON.parse(text) as Asked;
  const own = seen.sync && wishesOf(seen.sync);
  return JSON.stringify(own) !== JSON.stringify(wishes) && seen.now - at < patienceMs;
}
