import { SyncError } from '../errors.ts';
import { type Observed, PremiseChanged } from '../sync-targets/contract.ts';
import { type Candidate, done, type Outcome } from './outcome.ts';
import type { HeardVersion } from './plan.ts';
import type { CopyChange, CopyRecord, World } from './ports.ts';
import type { UnitReading } from './reading.ts';
import type { Content } from './render.ts';
import { callStore } from './store-call.ts';
import type { WantedCopy } from './unit.ts';

/** Times that a copy is described and planned anew because the store contradicted us. */
export const replans = 3;

/**
 * What is done about a deletion that is due:
 * - `admit`    ask the guard
 * - `defer`    leave it to the caller, who asks the guard for all of them at once
 * - `proceed`  the guard has let it go
 * - `stop`     the guard has stopped it
 */
export type DeletionMode = 'admit' | 'defer' | 'proceed' | 'stop';

export interface CopyContext extends Candidate {
  readonly world: World;
  /** What the ledger held before. */
  readonly record: CopyRecord | null;
  /** Aborts when the copy's lease is lost or the process stops: no write starts after that. */
  readonly signal: AbortSignal;
  /** Look at the store even where the ledger says that all is well. */
  readonly verify: boolean;
  /** What the store holds may be our own doing, though the ledger does not tell so. */
  readonly unsure: boolean;
  /** Part of a full reconcile: calls that events ask for go first. */
  readonly backfill: boolean;
  readonly deletions: DeletionMode;
  /** Copies whose deletion somebody has released. */
  readonly released: ReadonlySet<string>;
  /** What was heard of the secret; null in a full reconcile. */
  readonly heard: HeardVersion | null;
  /** What Vault says of the unit. */
  readonly reading: UnitReading;
  /** The unit's content, made ready; called only when it was found. @throws SyncError where its keys meet */
  readonly content: () => Content;
  /** What a listing has just shown of this copy, if there was one and the copy was in it. */
  readonly listed: Observed | null;
}

export function canWrite({ world, resolved }: CopyContext): boolean {
  return !resolved.spec.dryRun && world.writes() === 'enabled';
}

/** The outcome of a change that is due but not allowed now: nothing was written. */
export function held(
  { resolved }: CopyContext,
  due: { readonly planned: CopyChange; readonly why: string; readonly wantedFingerprint?: string },
): Outcome {
  const { why, ...rest } = due;
  if (resolved.spec.dryRun) return done('dryRun', 'dryRun', { ...rest, message: why });
  const message = 'writes are paused by the setting `writes: paused`';
  return done('paused', 'failed', { ...rest, reason: 'WritesPaused', message });
}

/** A call that changes something; null when the store contradicted what we believed and nothing was changed. */
export async function change<T>(context: CopyContext, call: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  context.signal.throwIfAborted();
  try {
    return await callStore({ ...callOf(context), kind: 'write', call });
  } catch (error) {
    if (error instanceof PremiseChanged) return null;
    throw error;
  }
}

/** What the store says of the copy now. */
export function describe(context: CopyContext): Promise<Observed | null> {
  const { target, name, into } = context.wanted;
  const call = (signal: AbortSignal) => target.describe(name, signal, into.destination);
  return callStore({ ...callOf(context), kind: 'read', call });
}

function callOf({ world, wanted, backfill, signal }: CopyContext) {
  return { world, target: wanted.target, label: labelOf(wanted), backfill, signal };
}

export function keepsChanging(wanted: WantedCopy): SyncError {
  return new SyncError({
    remedy: 'Retry',
    reason: 'KeepsChanging',
    message: `${labelOf(wanted)} changed under our hands ${replans} times in a row; it is tried again`,
  });
}

/** Place and name, for messages. */
export function labelOf(wanted: WantedCopy): string {
  return `${wanted.target.scope}/${wanted.name}`;
}
