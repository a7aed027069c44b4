import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Ledger } from '../state/contract.ts';

/** What is remembered of a sync's full reconciles, so that any replica can write its status. */
export interface Progress extends Manifestation {
  /** Unix time in milliseconds of the end of the last full reconcile that went through. */
  readonly at: number;
  /** The annotation's value that it answered; '' = none. */
  readonly requestedAt: string;
}

/** Which manifest is meant: its generation, and since when there has been a resource of that name (it counts anew). */
interface Manifestation {
  readonly generation: number;
  readonly createdAt: number;
}

/** Whether something is of this very manifest. Pure. */
export function isOf(one: Manifestation | null, { generation, createdAt }: VaultSecretSync): boolean {
  return one !== null && one.generation === generation && one.createdAt === createdAt;
}

/** Whether something is of a manifest that came after this one. Pure. */
export function isAfter(one: Manifestation | null, { generation, createdAt }: VaultSecretSync): boolean {
  if (one === null) return false;
  return one.createdAt === createdAt ? one.generation > generation : one.createdAt > createdAt;
}

/** Why Vault could not be read for a sync. */
export interface SourceTrouble extends Manifestation {
  readonly reason: string;
  readonly message: string;
  /** Only an edit of the manifest can cure it. */
  readonly stalled: boolean;
}

const progressFact = 'progress';
const troubleFact = 'sourceTrouble';

export async function recallProgress(ledger: Ledger, sync: string): Promise<Progress | null> {
  const text = await ledger.recall(sync, progressFact);
  return text ? (JSON.parse(text) as Progress) : null;
}

export async function rememberProgress(ledger: Ledger, sync: string, progress: Progress): Promise<void> {
  await ledger.remember(sync, progressFact, JSON.stringify(progress));
}

export async function recallTrouble(ledger: Ledger, sync: string): Promise<SourceTrouble | null> {
  const text = await ledger.recall(sync, troubleFact);
  return text ? (JSON.parse(text) as SourceTrouble) : null;
}

/** `null` = Vault answers again. */
export async function rememberTrouble(ledger: Ledger, sync: string, trouble: SourceTrouble | null): Promise<void> {
  await ledger.remember(sync, troubleFact, trouble ? JSON.stringify(trouble) : '');
}
