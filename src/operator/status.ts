import type { Condition, DestinationStatus, Failure, SyncStatus } from '../crd/status.ts';
import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { SyncError } from '../errors.ts';
import type { CopyCounts } from '../state/contract.ts';
import type { Progress, SourceTrouble } from './progress.ts';

/** Everything that a status is made from. */
export interface StatusInput {
  readonly sync: VaultSecretSync;
  /** The status before; its transition times are kept where nothing changed. */
  readonly previous: SyncStatus | null;
  /** Why the manifest's words make no sense; null = they do. */
  readonly error: SyncError | null;
  readonly counts: CopyCounts;
  /** The worst failures, the stalled ones first. */
  readonly failures: readonly (Failure & { readonly stalled: boolean })[];
  readonly progress: Progress | null;
  readonly trouble: SourceTrouble | null;
  readonly mountUuid: string | null;
  /** Unix time in milliseconds of the next full reconcile; null = none is planned. */
  readonly nextReconcileAt: number | null;
  /** Unix time in milliseconds. */
  readonly now: number;
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Works a sync's status out (kstatus: Ready, Reconciling, Stalled). Pure. */
export function statusOf(input: StatusInput): SyncStatus {
  const { sync, previous, progress, counts } = input;
  const totals = totalsOf(counts);
  const reconciled = progress !== null && progress.generation === sync.generation;
  const verdicts: Record<Condition['type'], Verdict> = {
    Ready: ready(input, totals, reconciled),
    Reconciling: reconciling(input, totals, reconciled),
    Stalled: stalled(input),
    SourceAvailable: sourceAvailable(input),
  };
  const conditions = (Object.keys(verdicts) as Condition['type'][]).map((type) =>
    conditionOf(input, type, verdicts[type]),
  );
  const requestedAt = progress?.requestedAt || previous?.lastHandledReconcileAt;
  const observed =
    reconciled || input.error || sync.spec.suspend ? sync.generation : (previous?.observedGeneration ?? null);
  return {
    ...(observed === null ? {} : { observedGeneration: observed }),
    conditions,
    copies: `${totals.synced}/${totals.all}`,
    destinations: destinationsOf(input),
    failures: input.failures.map(({ stalled: _, ...failure }) => failure),
    ...(requestedAt ? { lastHandledReconcileAt: requestedAt } : {}),
    ...(progress ? { lastSyncTime: new Date(progress.at).toISOString() } : {}),
    ...(input.nextReconcileAt === null ? {} : { nextReconcileTime: new Date(input.nextReconcileAt).toISOString() }),
    ...(input.mountUuid === null ? {} : { sourceMountUUID: input.mountUuid }),
  };
}

interface Totals {
  readonly all: number;
  readonly synced: number;
  readonly failed: number;
  readonly conflict: number;
  readonly dryRun: number;
}

function totalsOf(counts: CopyCounts): Totals {
  const sum = (state: keyof CopyCounts[string]) =>
    Object.values(counts).reduce((total, states) => total + (states[state] ?? 0), 0);
  const [synced, failed, conflict, dryRun] = [sum('synced'), sum('failed'), sum('conflict'), sum('dryRun')];
  return { all: synced + failed + conflict + dryRun, synced, failed, conflict, dryRun };
}

function ready(input: StatusInput, totals: Totals, reconciled: boolean): Verdict {
  const { sync, error, previous, trouble } = input;
  if (sync.spec.suspend) return { status: 'Unknown', reason: 'Suspended', message: 'spec.suspend is true' };
  if (error) return { status: 'False', reason: error.reason, message: error.message };
  // While Vault cannot be read, nothing new is known: the last word stands, as long as it is of this very manifest.
  const before = previous?.conditions?.find((condition) => condition.type === 'Ready');
  if (trouble && before?.observedGeneration === sync.generation) return before;
  if (!reconciled)
    return { status: 'Unknown', reason: 'Progressing', message: 'the first full reconcile has not ended yet' };
  if (totals.failed + totals.conflict > 0) {
    const [worst] = input.failures;
    const count = `${totals.failed + totals.conflict} of ${totals.all} copies are not in sync`;
    return {
      status: 'False',
      reason: worst?.reason ?? 'Failed',
      message: worst ? `${count}; ${worst.message}` : count,
    };
  }
  if (totals.dryRun > 0) {
    return {
      status: 'Unknown',
      reason: 'DryRun',
      message: `dry run: ${totals.dryRun} copies were looked at, none written`,
    };
  }
  if (totals.all === 0)
    return { status: 'True', reason: 'NothingSelected', message: 'Vault has no secret that this selects' };
  return { status: 'True', reason: 'InSync', message: `${totals.synced} of ${totals.all} copies are in sync` };
}

function reconciling(input: StatusInput, totals: Totals, reconciled: boolean): Verdict {
  if (input.sync.spec.suspend || input.error) return { status: 'False', reason: 'Idle', message: '' };
  if (!reconciled) return { status: 'True', reason: 'Progressing', message: 'a full reconcile is due or under way' };
  const retried = input.failures.find((failure) => !failure.stalled);
  if (totals.failed > 0 && retried) return { status: 'True', reason: 'Retrying', message: retried.message };
  return { status: 'False', reason: 'Idle', message: '' };
}

function stalled({ sync, error, failures }: StatusInput): Verdict {
  if (error && !sync.spec.suspend) return { status: 'True', reason: error.reason, message: error.message };
  const stuck = failures.find((failure) => failure.stalled);
  if (stuck && !sync.spec.suspend) return { status: 'True', reason: stuck.reason, message: stuck.message };
  return { status: 'False', reason: 'NotStalled', message: '' };
}

function sourceAvailable({ trouble, progress, error }: StatusInput): Verdict {
  if (trouble) return { status: 'False', reason: trouble.reason, message: trouble.message };
  if (progress === null || error) return { status: 'Unknown', reason: 'NotReadYet', message: '' };
  return { status: 'True', reason: 'Reachable', message: 'Vault answers' };
}

function conditionOf(input: StatusInput, type: Condition['type'], verdict: Verdict): Condition {
  const before = input.previous?.conditions?.find((condition) => condition.type === type);
  const unchanged = before?.status === verdict.status;
  return {
    type,
    status: verdict.status,
    reason: verdict.reason,
    message: verdict.message.slice(0, 4096),
    observedGeneration: input.sync.generation,
    lastTransitionTime: unchanged ? before.lastTransitionTime : new Date(input.now).toISOString(),
  };
}

/** Places stay listed once written, so that a lost ledger never hides a copy. */
function destinationsOf({ previous, counts }: StatusInput): DestinationStatus[] {
  const places = new Set([
    ...(previous?.destinations ?? []).map(({ destination }) => destination),
    ...Object.keys(counts),
  ]);
  return [...places].sort().map((destination) => ({ destination, ...counts[destination] }));
}
