import { syncKeyOf, type VaultSecretSync } from '../crd/vault-secret-sync.ts';
import type { JobOutcome, JobRun, Ledger } from '../state/contract.ts';
import type { CopyResult } from '../sync/ports.ts';
import { type Removal, removeCopies } from '../sync/removal.ts';
import type { SyncReconcilerOptions } from './reconcile-sync.ts';

/** Milliseconds that a sync is held back by a store that is gone, or that refuses us. */
const heldBackMs = 10 * 60_000;
/** Milliseconds between two tries: at first, and at most. */
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** Milliseconds between two looks whether writes are enabled again. */
const pausedMs = 30_000;
/** Names in an Event. */
const namesTold = 10;

/** Since when the copies of a sync that goes away could not be removed; '' = they could. */
const failingFact = 'removalFailingSince';

/**
 * A sync goes away: its copies are dealt with as its `removalPolicy` says, then it is let go. When a store, or the
 * permission to it, is gone for 10 minutes, it is let go all the same, with an Event that names what is left behind.
 */
export async function removeSync(
  options: SyncReconcilerOptions,
  run: JobRun,
  sync: VaultSecretSync,
): Promise<JobOutcome> {
  const { world, state, syncs } = options;
  const key = syncKeyOf(sync);
  const deletes = sync.spec.removalPolicy === 'Delete';
  if (deletes && world.writes() === 'paused') {
    // Nobody is to blame for the time that this takes.
    await forgetRemoval(state.ledger, key);
    return { outcome: 'retry', delayMs: pausedMs, reason: 'WritesPaused', countsAsAttempt: false };
  }
  const removal = await removeCopies({ world, sync, signal: run.signal });
  const latest = syncs.get(key)?.sync;
  // Created anew under the same name meanwhile: it goes on from here, with its own reconcile.
  if (latest && !latest.deleting) return { outcome: 'done' };
  const left = leftOf(removal);
  if (left.length > 0) {
    const failingMs = await failingFor(options, key);
    if (failingMs < heldBackMs) return tryAgain(options, { sync, failingMs, why: left[0] ?? '' });
  }
  tellWhatBecame(options, { sync, deletes, left, removal });
  await letGo(options, sync);
  return { outcome: 'done' };
}

/** The sync is not going away, or not now: what was counted against its stores counts no more. */
export async function forgetRemoval(ledger: Pick<Ledger, 'recall' | 'remember'>, key: string): Promise<void> {
  if (await ledger.recall(key, failingFact)) await ledger.remember(key, failingFact, '');
}

/** What is left, each with the reason. */
function leftOf({ results, unswept }: Removal): string[] {
  const failed = results.filter(({ change }) => change === 'failed');
  return [
    ...failed.map(({ destination, name, message }) => `${destination}/${name}: ${message}`),
    ...unswept.map((place) => `${place.destination}: ${place.unswept}`),
  ];
}

/** For how long the removal has failed, in milliseconds. */
async function failingFor({ world, state }: SyncReconcilerOptions, key: string): Promise<number> {
  const since = await state.ledger.recall(key, failingFact);
  if (since) return world.now() - Number(since);
  await state.ledger.remember(key, failingFact, String(world.now()));
  return 0;
}

/** Waits as long as it has failed so far, within limits: soon at first, then less and less often. */
function tryAgain(
  { manifests }: SyncReconcilerOptions,
  { sync, failingMs, why }: { sync: VaultSecretSync; failingMs: number; why: string },
): JobOutcome {
  if (failingMs === 0) manifests.announce(sync, { type: 'Warning', reason: 'RemovalFailed', message: why });
  const delayMs = Math.min(longestWaitMs, Math.max(firstWaitMs, failingMs));
  return { outcome: 'retry', delayMs, reason: 'RemovalFailed', countsAsAttempt: false };
}

function tellWhatBecame(
  { manifests }: SyncReconcilerOptions,
  told: { sync: VaultSecretSync; deletes: boolean; left: readonly string[]; removal: Removal },
): void {
  const { sync, deletes, left, removal } = told;
  const { dryRun, suspend } = sync.spec;
  if (left.length > 0) {
    manifests.announce(sync, { type: 'Warning', reason: 'CopiesLeft', message: leftMessage(left) });
  } else if (deletes && (dryRun || suspend)) {
    const message = `nothing was deleted, though removalPolicy is Delete: ${dryRun ? 'dryRun' : 'suspend'} is true`;
    manifests.announce(sync, { type: 'Warning', reason: 'CopiesLeft', message });
  } else if (deletes) {
    manifests.announce(sync, { type: 'Normal', reason: 'CopiesRemoved', message: doneMessage(removal) });
  }
}

async function letGo(
  { state, manifests, statuses, syncs }: SyncReconcilerOptions,
  sync: VaultSecretSync,
): Promise<void> {
  const key = syncKeyOf(sync);
  await manifests.setFinalizer(sync, false);
  await state.ledger.forgetSync(key);
  // From now on there may be another one of that name.
  if (!syncs.get(key)?.sync.deleting) return;
  statuses.forget(key);
  syncs.delete(key);
}

function leftMessage(left: readonly string[]): string {
  const more = left.length > namesTold ? ` and ${left.length - namesTold} more` : '';
  return `let go after 10 minutes of failures; left behind: ${left.slice(0, namesTold).join('; ')}${more}`;
}

function doneMessage({ results }: Removal): string {
  const count = (change: CopyResult['change']) => results.filter((result) => result.change === change).length;
  return `${count('deleted')} copies deleted, ${count('absent')} were gone or handed over`;
}
