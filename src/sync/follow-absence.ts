import { durationMs } from '../crd/duration.ts';
import type { Observed } from '../sync-targets/contract.ts';
import { handedOverBy, handOver } from './claims.ts';
import { type CopyContext, canWrite, change, describe, held, keepsChanging, labelOf, replans } from './copy-context.ts';
import { admitDeletions, guardMessage } from './deletion-guard.ts';
import { fingerprintIn, isMarkedFor } from './marks.ts';
import { done, type Outcome, ownRecord } from './outcome.ts';
import { hasMoreToRemove, planCopy } from './plan.ts';
import type { CopyRecord } from './ports.ts';

/** The source is certainly gone: the copy goes too, once the store has shown that it is ours and if the policies say so. */
export async function followAbsence(context: CopyContext): Promise<Outcome> {
  const { world, wanted, resolved, record } = context;
  const own = ownRecord(record, context);
  if (own?.state === 'deleted' && !context.verify) return done('absent', 'deleted');
  for (let attempt = 0; attempt < replans; attempt++) {
    const observed = await describe(context);
    const owner = await ownerToDelete(context, observed);
    const isInherited = owner !== resolved.owner;
    // The manifest may have pointed elsewhere before: the absence of one secret says nothing of another's copy.
    if (observed && !isInherited && !isMarkedFor(observed.state, wanted.source)) return done('absent', 'absent');
    const foundFingerprint = fingerprintIn(observed?.state ?? null) ?? own?.valueFingerprint ?? null;
    const plan = planCopy({
      label: labelOf(wanted),
      owner,
      formerOwner: null,
      observed,
      differences: null,
      hasMoreToRemove: hasMoreToRemove(wanted.target, observed, wanted.into.destination),
      wasInSync: false,
      policies: { ...resolved.spec, adoptionPolicy: 'Never' },
    });
    if (plan.action === 'retain') {
      const message = 'the source is gone; kept by deletionPolicy: Retain';
      return done('retained', 'retained', { message, foundFingerprint });
    }
    // A deletion is remembered for a while, also when it turns out to be done already.
    if (plan.action !== 'delete') return done('absent', isOver(context, own, observed) ? 'deleted' : 'absent');
    const stopped = await holdBack(context, own);
    if (stopped) return { ...stopped, foundFingerprint };
    if (await handOver(world, { copy: wanted.id, owner, gone: wanted.source })) {
      return done('absent', 'absent', { message: 'handed over to another sync that wants it' });
    }
    const { destination } = wanted.into;
    const remove = (signal: AbortSignal) => wanted.target.remove(plan.observed, signal, destination).then(() => true);
    if (await change(context, remove)) return done('deleted', 'deleted', { foundFingerprint });
  }
  throw keepsChanging(wanted);
}

/** The mark that must be there for a deletion: ours, or that of a sync which has handed the copy over to us. */
async function ownerToDelete(context: CopyContext, observed: Observed | null): Promise<string> {
  const { world, resolved } = context;
  if (observed === null || observed.owner === resolved.owner) return resolved.owner;
  const former = await handedOverBy(world, context);
  return former !== null && former === observed.owner ? former : resolved.owner;
}

/** Whether a copy that we had is gone, and nobody else has its name. */
function isOver({ resolved }: CopyContext, own: CopyRecord | null, observed: Observed | null): boolean {
  if (own?.state === 'deleted') return true;
  const isFree = observed === null || (observed.owner === resolved.owner && observed.managedBy === null);
  return isFree && own !== null && own.fingerprint !== null;
}

/** Why a deletion that is due does not happen now; null = it may. */
async function holdBack(context: CopyContext, own: CopyRecord | null): Promise<Outcome | null> {
  const { world, resolved, wanted, deletions, released } = context;
  const now = world.now();
  const goneSince = own?.goneSince ?? now;
  const left = goneSince + (durationMs(resolved.spec.deletionGracePeriod) ?? 0) - now;
  if (left > 0 && resolved.spec.dryRun) return held(context, due('deleted'));
  if (left > 0) {
    const until = new Date(now + left).toISOString();
    const message = `the source is gone; kept until ${until} by deletionGracePeriod`;
    const retry = { afterMs: left, countsAsAttempt: false };
    return done('waiting', 'waiting', { planned: 'deleted', reason: 'DeletionGracePeriod', message, retry, goneSince });
  }
  // Once stopped it stays so, until it is released, the manifest is edited or the source comes back.
  const wasStopped = own?.state === 'guarded' && own.generation === resolved.sync.generation;
  if (deletions === 'proceed' || released.has(wanted.id))
    return canWrite(context) ? null : held(context, due('deleted'));
  if (deletions === 'defer' && !wasStopped) return done('waiting', 'waiting', { deferred: true });
  const isStopped =
    wasStopped ||
    deletions === 'stop' ||
    (canWrite(context) && !(await admitDeletions(world, resolved, { copies: [wanted.id] })));
  if (!isStopped) return canWrite(context) ? null : held(context, due('deleted'));
  if (resolved.spec.dryRun) return held(context, due('guarded'));
  return done('guarded', 'guarded', { planned: 'deleted', reason: 'DeletionGuard', message: guardMessage, goneSince });
}

function due(planned: 'deleted' | 'guarded') {
  return { planned, why: 'the source is gone' } as const;
}
