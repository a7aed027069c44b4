import { SyncError } from '../errors.ts';
import { type CallKind, PremiseChanged, type Target } from '../sync-targets/contract.ts';
import type { World } from './ports.ts';

/** Milliseconds that a store may take for one call before its copy is parked and the path freed. */
const storeTimeLimitMs = 5_000;
/** Milliseconds to wait for the budget: an event's path must not be held up, a full reconcile may take its time. */
const budgetWaitMs = { event: 5_000, backfill: 60_000 };

export interface StoreCall<T> {
  readonly world: Pick<World, 'budgets' | 'storeTimeLimitMs'>;
  readonly target: Target;
  readonly kind: CallKind;
  /** For messages. */
  readonly label: string;
  /** Part of a full reconcile: what events ask for goes first. */
  readonly backfill: boolean;
  readonly signal: AbortSignal;
  readonly call: (signal: AbortSignal) => Promise<T>;
}

/**
 * Makes one call to a store: within its budget, and within a time limit of its own.
 * @throws SyncError `RateLimited` when the budget has nothing to give for long, `Retry` when the store does not answer
 */
export async function callStore<T>(options: StoreCall<T>): Promise<T> {
  const { world, label, signal } = options;
  await takeBudget(options);
  signal.throwIfAborted();
  const limitMs = world.storeTimeLimitMs ?? storeTimeLimitMs;
  const limit = AbortSignal.timeout(limitMs);
  try {
    return await options.call(AbortSignal.any([signal, limit]));
  } catch (error) {
    await heedSlowDown(options, error);
    if (error instanceof SyncError || error instanceof PremiseChanged || !limit.aborted) throw error;
    throw new SyncError({
      remedy: 'Retry',
      reason: 'StoreTimeout',
      message: `${label}: the store did not answer within ${limitMs / 1000} s`,
      cause: error,
    });
  }
}

async function takeBudget<T>({ world, target, kind, label, backfill, signal }: StoreCall<T>): Promise<void> {
  const rate = target.rates?.[kind];
  if (!rate) return;
  const limit = AbortSignal.timeout(backfill ? budgetWaitMs.backfill : budgetWaitMs.event);
  try {
    await world.budgets.take(bucketOf(target, kind), { rate, backfill, signal: AbortSignal.any([signal, limit]) });
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    throw new SyncError({
      remedy: 'RateLimited',
      reason: 'BudgetSpent',
      message: `${label}: as many calls as ${target.scope} allows are under way already; it is tried again soon`,
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}

/** Where a store said to slow down, everybody does. */
export async function heedSlowDown(
  { world, target, kind }: Pick<StoreCall<unknown>, 'world' | 'target' | 'kind'>,
  error: unknown,
): Promise<void> {
  const rate = target.rates?.[kind];
  if (!rate || !(error instanceof SyncError) || error.remedy !== 'RateLimited') return;
  // Whether or not the others can be told, this copy waits as the store said.
  await world.budgets
    .slowDown(bucketOf(target, kind), { rate, retryAfterMs: error.retryAfterMs ?? null })
    .catch(() => undefined);
}

function bucketOf(target: Target, kind: CallKind): string {
  return `${target.scope} ${kind}`;
}
