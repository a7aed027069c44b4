import type { PlanSummary } from '../crd/status.ts';
import type { Ledger } from '../state/contract.ts';
import { type PlanClass, planClassOf } from '../sync/plan-class.ts';
import type { CopyResult } from '../sync/ports.ts';

const planFact = 'plan';

/** Counts copies by class, as a status and the command `plan` show them. Pure. */
export function planSummaryOf(results: readonly Pick<CopyResult, 'change' | 'planned'>[]): PlanSummary {
  const summary: Partial<Record<keyof PlanSummary, number>> = {};
  for (const result of results) {
    const planClass = planClassOf(result);
    if (planClass === null) continue;
    const field = summaryField(planClass);
    summary[field] = (summary[field] ?? 0) + 1;
  }
  return summary;
}

/** The field of a summary that counts a class. */
export function summaryField(planClass: PlanClass): keyof PlanSummary {
  return planClass === 'metadata-only' ? 'metadataOnly' : planClass;
}

/** Remembers what a dry run found; `null` = the last reconcile was none. */
export async function rememberPlan(ledger: Ledger, sync: string, results: readonly CopyResult[] | null): Promise<void> {
  const known = await ledger.recall(sync, planFact);
  const words = results ? JSON.stringify(planSummaryOf(results)) : '';
  if ((known ?? '') !== words) await ledger.remember(sync, planFact, words);
}

export async function recallPlan(ledger: Ledger, sync: string): Promise<PlanSummary | null> {
  const text = await ledger.recall(sync, planFact);
  return text ? (JSON.parse(text) as PlanSummary) : null;
}
