import type { Ledger } from '../state/contract.ts';

/** What is remembered of a sync's full reconciles, so that any replica can write its status. */
export interface Progress {
  /** `metadata.generation` of the last full reconcile that went through. */
  readonly generation: number;
  /** Unix time in milliseconds of its end. */
  readonly at: number;
  /** The annotation's value that it answered; '' = none. */
  readonly requestedAt: string;
}

/** Why Vault could not be read for a sync. */
export interface SourceTrouble {
  readonly reason: string;
  readonly message: string;
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
