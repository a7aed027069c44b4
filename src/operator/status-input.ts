import { durationMs } from '../crd/duration.ts';
import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { Ledger } from '../state/contract.ts';
import { recallMounts } from '../sync/absence.ts';
import { stoppedDeletions } from '../sync/deletion-guard.ts';
import type { CopyRecord } from '../sync/ports.ts';
import { recallPlan } from './plan-summary.ts';
import { type Progress, recallProgress, recallTrouble } from './progress.ts';
import { type StatusInput, type UnwellCopy, worstFirst } from './status.ts';
import { namesShown } from './status-bounds.ts';

/** Copies that are looked at to find the worst. */
const unwellRead = 100;

/** What the ledger knows of a sync, for its status. */
export async function recallForStatus(
  ledger: Ledger<CopyRecord>,
  { sync, key }: { readonly sync: VaultSecretSync; readonly key: string },
): Promise<
  Pick<StatusInput, 'counts' | 'failures' | 'stopped' | 'progress' | 'trouble' | 'mounts' | 'plan' | 'nextReconcileAt'>
> {
  const [counts, progress, trouble, mounts, plan] = await Promise.all([
    ledger.counts(key),
    recallProgress(ledger, key),
    recallTrouble(ledger, key),
    recallMounts(ledger, key),
    recallPlan(ledger, key),
  ]);
  const has = (...states: string[]) =>
    Object.values(counts).some((counted) => states.some((state) => (counted[state] ?? 0) > 0));
  return {
    counts,
    progress,
    trouble,
    mounts,
    plan,
    failures: has('failed', 'conflict', 'drifted', 'guarded') ? await worstOf(ledger, key) : [],
    stopped: has('guarded') ? await stoppedDeletions(ledger, key) : null,
    nextReconcileAt: nextReconcileAt(sync, progress),
  };
}

async function worstOf(ledger: Ledger<CopyRecord>, key: string): Promise<UnwellCopy[]> {
  const unwell: UnwellCopy[] = [];
  for await (const { entry } of ledger.unwellOf(key)) {
    const { destination, name, reason, message, state, stalled } = entry;
    unwell.push({ destination, name, reason, message, state, stalled });
    if (unwell.length >= unwellRead) break;
  }
  return worstFirst(unwell).slice(0, namesShown);
}

/** About when: the replica that leads adds its own jitter. */
function nextReconcileAt({ spec }: VaultSecretSync, progress: Progress | null): number | null {
  const interval = durationMs(spec.refreshInterval) ?? 0;
  return progress === null || interval === 0 || spec.suspend ? null : progress.at + interval;
}
