import type {
  Condition,
  DestinationStatus,
  Failure,
  PlanSummary,
  StoppedDeletions,
  SyncStatus,
} from '../crd/status.ts';
import type { VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { SyncError } from '../errors.ts';
import type { CopyCounts } from '../state/contract.ts';
import type { CopyRecord, CopyState } from '../sync/ports.ts';
import { isPlace } from '../sync/written-places.ts';
import { isOf, type Progress, type SourceTrouble } from './progress.ts';
import { bounded, namesShown } from './status-bounds.ts';

/** Everything that a status is made from. */
export interface StatusInput {
  readonly sync: VaultSecretSync;
  /** The status before; its transition times are kept where nothing changed. */
  readonly previous: SyncStatus | null;
  /** Why the manifest's words make no sense; null = they do. */
  readonly error: SyncError | null;
  readonly counts: CopyCounts;
  /** The worst of them; see `worstFirst`. */
  readonly failures: readonly UnwellCopy[];
  /** Deletions that the guard stopped; null = none. */
  readonly stopped: { readonly copies: ReadonlyMap<string, CopyRecord>; readonly digest: string } | null;
  /**
   * Of places that no destination leads to any more: why they could not be swept; null = nothing is left there.
   * No map: not looked for since.
   */
  readonly swept: ReadonlyMap<string, string | null> | null;
  readonly progress: Progress | null;
  readonly trouble: SourceTrouble | null;
  /** Uuids by mount. */
  readonly mounts: Readonly<Record<string, string>>;
  /** What the last dry run found; null = it was none. */
  readonly plan: PlanSummary | null;
  /** Seconds that the latest change took to its last copy; null = not known here. */
  readonly lagSeconds: number | null;
  /** Unix time in milliseconds of the next full reconcile; null = none is planned. */
  readonly nextReconcileAt: number | null;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** A copy that somebody should look at. */
export interface UnwellCopy extends Failure {
  readonly state: CopyState;
  /** Only an edit, a release or the other owner can cure it. */
  readonly stalled: boolean;
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/**
 * Works a sync's status out. Pure. For those who follow kstatus (Argo CD, Flux, `kubectl wait`): Reconciling and Stalled are
 * never both True, and whoever is neither, with Ready True at this generation, is done.
 */
export function statusOf(input: StatusInput): SyncStatus {
  const { sync, previous, progress, counts } = input;
  const totals = totalsOf(counts);
  const stand: Stand = { reconciled: isOf(progress, sync), fault: faultOf(input) };
  const verdicts: Record<Condition['type'], Verdict> = {
    Ready: ready(input, totals, stand),
    Reconciling: reconciling(input, stand),
    Stalled: stalled(input, stand),
    SourceAvailable: sourceAvailable(input),
  };
  const conditions = (Object.keys(verdicts) as Condition['type'][]).map((type) =>
    conditionOf(input, type, verdicts[type]),
  );
  const requestedAt = progress?.requestedAt || previous?.lastHandledReconcileAt;
  const observed =
    stand.reconciled || stand.fault || sync.spec.suspend ? sync.generation : (previous?.observedGeneration ?? null);
  return bounded({
    ...(observed === null ? {} : { observedGeneration: observed }),
    conditions,
    copies: `${totals.synced}/${totals.all}`,
    destinations: destinationsOf(input),
    failures: input.failures.map(({ destination, name, reason, message }) => ({ destination, name, reason, message })),
    ...(requestedAt ? { lastHandledReconcileAt: requestedAt } : {}),
    ...(progress ? { lastSyncTime: new Date(progress.at).toISOString() } : {}),
    ...(input.nextReconcileAt === null ? {} : { nextReconcileTime: new Date(input.nextReconcileAt).toISOString() }),
    ...lagOf(input),
    ...mountsOf(input),
    ...(input.plan && sync.spec.dryRun ? { plan: input.plan } : {}),
    ...stoppedOf(input),
  });
}

function lagOf({ lagSeconds, previous }: StatusInput): Pick<SyncStatus, 'sourceLagSeconds'> {
  const seconds = lagSeconds === null ? previous?.sourceLagSeconds : Math.round(lagSeconds);
  return seconds === undefined ? {} : { sourceLagSeconds: seconds };
}

function mountsOf({ mounts, previous }: StatusInput): Pick<SyncStatus, 'sourceMounts'> {
  const known = Object.entries(mounts).sort();
  // Where the ledger has lost them, the status alone still knows which mounts the copies were read from.
  const sourceMounts = known.length > 0 ? known.map(([mount, uuid]) => ({ mount, uuid })) : previous?.sourceMounts;
  return sourceMounts ? { sourceMounts } : {};
}

function stoppedOf({ stopped }: StatusInput): { stoppedDeletions?: StoppedDeletions } {
  if (!stopped || stopped.copies.size === 0) return {};
  return {
    stoppedDeletions: {
      count: stopped.copies.size,
      names: firstNames(stopped.copies.values()),
      digest: stopped.digest,
    },
  };
}

/** The first few by the alphabet, without sorting a hundred thousand. */
function firstNames(copies: Iterable<CopyRecord>): string[] {
  const first: string[] = [];
  for (const { destination, name } of copies) {
    const label = `${destination}/${name}`;
    if (first.length === namesShown && label >= (first.at(-1) ?? '')) continue;
    first.push(label);
    first.sort();
    first.splice(namesShown);
  }
  return first;
}

interface Totals {
  readonly all: number;
  readonly synced: number;
  readonly failed: number;
  readonly conflict: number;
  readonly dryRun: number;
  readonly drifted: number;
  readonly guarded: number;
}

function totalsOf(counts: CopyCounts): Totals {
  const sum = (state: keyof CopyCounts[string]) =>
    Object.values(counts).reduce((total, states) => total + (states[state] ?? 0), 0);
  const [synced, failed, conflict, dryRun] = [sum('synced'), sum('failed'), sum('conflict'), sum('dryRun')];
  const [drifted, guarded] = [sum('drifted'), sum('guarded')];
  const all = synced + failed + conflict + dryRun + drifted + guarded;
  return { all, synced, failed, conflict, dryRun, drifted, guarded };
}

interface Stand {
  /** A full reconcile of this very manifest has gone through. */
  readonly reconciled: boolean;
  readonly fault: Fault;
}

/** Why the manifest cannot be followed until it is edited; null = it can. */
type Fault = Pick<SourceTrouble, 'reason' | 'message'> | null;

function faultOf({ sync, error, trouble }: StatusInput): Fault {
  return error ?? (trouble?.stalled && isOf(trouble, sync) ? trouble : null);
}

function ready(input: StatusInput, totals: Totals, { reconciled, fault }: Stand): Verdict {
  const { sync, previous, trouble } = input;
  if (sync.spec.suspend) return { status: 'Unknown', reason: 'Suspended', message: 'spec.suspend is true' };
  if (fault) return { status: 'False', reason: fault.reason, message: fault.message };
  // While Vault cannot be read, nothing new is known: the last word stands, as long as it is of this very manifest.
  const before = previous?.conditions?.find((condition) => condition.type === 'Ready');
  if (trouble && before?.observedGeneration === sync.generation) return before;
  if (!reconciled)
    return { status: 'Unknown', reason: 'Progressing', message: 'the first full reconcile has not ended yet' };
  const unwell = totals.failed + totals.conflict + totals.drifted + totals.guarded;
  if (unwell > 0) {
    const [worst] = input.failures;
    const count = `${unwell} of ${totals.all} copies are not in sync`;
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

function reconciling(input: StatusInput, { reconciled, fault }: Stand): Verdict {
  const idle: Verdict = { status: 'False', reason: 'Idle', message: '' };
  if (input.sync.spec.suspend || fault) return idle;
  if (!reconciled) return { status: 'True', reason: 'Progressing', message: 'a full reconcile is due or under way' };
  // What is retried meanwhile does not change that somebody must act.
  if (input.failures.some(({ stalled }) => stalled)) return idle;
  const retried = input.failures.find(({ state }) => state === 'failed');
  return retried ? { status: 'True', reason: 'Retrying', message: retried.message } : idle;
}

function stalled({ sync, failures }: StatusInput, { reconciled, fault }: Stand): Verdict {
  const fine: Verdict = { status: 'False', reason: 'NotStalled', message: '' };
  if (sync.spec.suspend) return fine;
  if (fault) return { status: 'True', reason: fault.reason, message: fault.message };
  const stuck = failures.find((failure) => failure.stalled);
  // An edit may be the cure: that shows only when it has been followed.
  return stuck && reconciled ? { status: 'True', reason: stuck.reason, message: stuck.message } : fine;
}

/** How bad it is that a copy stands like this, the worst first. */
const severity: readonly CopyState[] = ['guarded', 'conflict', 'failed', 'drifted'];

/** Orders copies that are unwell: those that somebody must see to, then those that are tried again, then drift. Pure. */
export function worstFirst(copies: readonly UnwellCopy[]): UnwellCopy[] {
  const rank = ({ stalled: isStalled, state }: UnwellCopy) => (isStalled ? 0 : 10) + severity.indexOf(state);
  const label = ({ destination, name }: UnwellCopy) => `${destination}/${name}`;
  return copies.toSorted((one, other) => rank(one) - rank(other) || (label(one) < label(other) ? -1 : 1));
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
    message: verdict.message,
    observedGeneration: input.sync.generation,
    lastTransitionTime: unchanged ? before.lastTransitionTime : new Date(input.now).toISOString(),
  };
}

/** States that a status counts. */
const countedStates = [
  'synced',
  'failed',
  'conflict',
  'retained',
  'drifted',
  'waiting',
  'guarded',
  'dryRun',
] as const satisfies (keyof DestinationStatus)[];

/** Places stay listed once written, until they were swept, so that a lost ledger never hides a copy. */
function destinationsOf({ previous, counts, swept }: StatusInput): DestinationStatus[] {
  const before = new Map((previous?.destinations ?? []).map((known) => [known.destination, known]));
  const names = [...new Set([...before.keys(), ...Object.keys(counts)])].sort();
  return names.flatMap((destination) => {
    const states = Object.fromEntries(countsIn(counts[destination]));
    const isCounted = Object.keys(states).length > 0;
    if (!isPlace(destination)) return isCounted ? [{ destination, ...states }] : [];
    const known = before.get(destination);
    const why = swept ? swept.get(destination) : known?.unswept;
    if (!isCounted && (why === null || !known)) return [];
    const { roleArn, externalId, auth } = known ?? {};
    const access = {
      ...(roleArn ? { roleArn } : {}),
      ...(externalId ? { externalId } : {}),
      ...(auth ? { auth } : {}),
    };
    return [{ destination, ...states, ...access, ...(why ? { unswept: why } : {}) }];
  });
}

function countsIn(states: CopyCounts[string] | undefined): [string, number][] {
  return countedStates.flatMap((state): [string, number][] => {
    const count = states?.[state] ?? 0;
    return count === 0 ? [] : [[state, count]];
  });
}
