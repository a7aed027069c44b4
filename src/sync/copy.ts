import type { Difference, Observed, Premise, Written } from '../sync-targets/contract.ts';
import { awaitRelease, claimConflict, endHandover, formerOwnerOf } from './claims.ts';
import { type CopyContext, canWrite, change, describe, held, keepsChanging, labelOf, replans } from './copy-context.ts';
import { followAbsence } from './follow-absence.ts';
import { fingerprintIn } from './marks.ts';
import { done, failureOf, interrupted, lastWrite, type Outcome, ownRecord, recordOf, resultOf } from './outcome.ts';
import { type Plan, planCopy } from './plan.ts';
import type { CopyChange, CopyRecord, CopyResult } from './ports.ts';
import { refusedId } from './refused.ts';
import { type Rendered, renderCopy } from './render.ts';
import { writtenPlaceOf } from './written-places.ts';

/** A copy whose deletion is due, and was left to the caller. */
export type Deferred = 'deferred';

/** Brings one copy to what Vault says now, and records the outcome. Throws only when the ledger does not take it. */
export async function reconcileCopy(context: CopyContext): Promise<CopyResult | Deferred> {
  const { world, signal, reading } = context;
  let outcome: Outcome;
  try {
    outcome = await (reading.read.found ? bringInSync(context) : followAbsence(context));
    // A change that ended without its lease may not have been the last one.
    if (signal.aborted && outcome.change !== 'unchanged') outcome = interrupted();
  } catch (error) {
    outcome = signal.aborted ? interrupted() : failureOf(error);
  }
  if (outcome.deferred) return 'deferred';
  const result = resultOf(context, outcome);
  world.onCopy(result);
  await remember(context, outcome);
  return result;
}

async function remember(context: CopyContext, outcome: Outcome): Promise<void> {
  const { world, resolved, wanted, record, heard, reading } = context;
  const { state } = outcome;
  const own = ownRecord(record, context);
  const complaint = refusedId(resolved, wanted);
  if (!own && (state === 'absent' || state === 'synced')) await world.ledger.forget(complaint);
  if (state === 'absent') {
    if (record?.sync === resolved.key) await world.ledger.forget(wanted.id);
    return;
  }
  if (isRemembered(context, own, outcome)) return;
  // Whoever only looks waits for nothing.
  if (state === 'conflict' && !resolved.spec.dryRun) await awaitRelease(world, context);
  // A copy that is another sync's keeps that sync's record: what we have to say is written beside it.
  const anothers = record !== null && record.sync !== resolved.key && !(state === 'synced' && outcome.rendered);
  const id = anothers ? complaint : wanted.id;
  // What is heard later than the reading may bring a deleted secret back.
  const at = state === 'deleted' ? reading.readAt : world.now();
  await world.ledger.record(id, recordOf(context, { ...reading, heard, outcome, state, own, at }));
}

/** Whether the ledger tells already what is to be remembered of an outcome. */
function isRemembered(
  { wanted, verify, reading, deletions, released }: CopyContext,
  own: CopyRecord | null,
  outcome: Outcome,
): boolean {
  // A full reconcile that comes past does not lengthen the time for which a deletion is remembered.
  if (own?.state === 'deleted') return verify && outcome.change === 'absent';
  // What the guard has stopped stays so, whatever fails meanwhile.
  const isStopped = own?.state === 'guarded' && deletions !== 'proceed' && !released.has(wanted.id);
  return isStopped && outcome.state === 'failed' && !reading.read.found;
}

async function bringInSync(context: CopyContext): Promise<Outcome> {
  const { world, unit, wanted, verify } = context;
  const rendered = renderCopy({ key: world.fingerprintKey, unit, wanted, content: context.content() });
  wanted.target.preflight(rendered.desired);
  const claim = claimConflict(context, context);
  if (claim && !(leavesAll(context) && context.record?.fingerprint)) throw claim;
  const own = ownRecord(context.record, context);
  const synced = own?.state === 'synced' && !verify ? own : null;
  if (synced?.fingerprint === rendered.fingerprint) return done('unchanged', 'synced', { rendered });
  if (leavesAll(context) && (synced || claim)) {
    const message = 'is there already, and updatePolicy: IfNotExists leaves it as it is';
    return done('skipped', 'synced', { wantedFingerprint: rendered.valueFingerprint, message });
  }
  // What we wrote last is all that differs: one write, and nothing to look at first.
  let remembered = synced?.settingsFingerprint === rendered.settingsFingerprint ? lastWrite(synced) : null;
  for (let attempt = 0; attempt < replans; attempt++) {
    if (remembered && canWrite(context)) {
      const written = await write(context, rendered, { kind: 'remembered', written: remembered });
      const foundFingerprint = own?.valueFingerprint ?? null;
      if (written) return done('updated', 'synced', { rendered, written, foundFingerprint });
      remembered = null;
      continue;
    }
    const { plan, observed } = await planAgainstStore(context, rendered, attempt);
    const foundFingerprint = fingerprintFound(observed, own, { plan, rendered });
    const settled = settle(context, rendered, plan);
    if (settled) return { ...settled, foundFingerprint };
    const written = await write(context, rendered, premiseOf(plan));
    if (written) {
      if (plan.action === 'adopt') await endHandover(world, wanted.id);
      const message = 'why' in plan ? plan.why : '';
      return done(changeOf(plan), 'synced', { rendered, written, foundFingerprint, message });
    }
  }
  throw keepsChanging(wanted);
}

function leavesAll({ resolved }: CopyContext): boolean {
  return resolved.spec.updatePolicy === 'IfNotExists';
}

async function planAgainstStore(
  context: CopyContext,
  rendered: Rendered,
  attempt: number,
): Promise<{ plan: Plan; observed: Observed | null }> {
  const { world, resolved, wanted, listed, record } = context;
  const { target } = wanted;
  // After a failure, and where a listing shows too little, only a look of our own tells what the store holds.
  const suffices = attempt === 0 && record?.state !== 'failed' && !target.needsLook?.(rendered.desired.destination);
  const observed = suffices && listed ? listed : await describe(context);
  const written = writeOf(context, rendered);
  const differences: readonly Difference[] = observed ? target.compare(rendered.desired, observed, written) : [];
  const input = {
    label: labelOf(wanted),
    owner: resolved.owner,
    formerOwner: null,
    observed,
    differences,
    wasInSync: wasInSync(context, rendered),
    policies: {
      ...resolved.spec,
      adoptionPolicy: resolved.spec.adoptionPolicy ?? world.defaultAdoptionPolicy,
    },
  };
  const plan = planCopy(input);
  if (plan.action !== 'conflict') return { plan, observed };
  const formerOwner = await formerOwnerOf(world, context, record);
  return { plan: formerOwner === null ? plan : planCopy({ ...input, formerOwner }), observed };
}

/**
 * Whether the copy was once just what it must be now. Only our own record tells: the copy's mark does not say which tags
 * the manifest asked for then.
 */
function wasInSync(context: CopyContext, { fingerprint }: Rendered): boolean {
  // What differs may be a write of ours that was cut off.
  if (context.unsure) return false;
  const own = ownRecord(context.record, context);
  return (own?.state === 'synced' || own?.state === 'drifted') && own.fingerprint === fingerprint;
}

/** Our last write, if it was of just this: a version id proves something only while it belongs to what must be there. */
function writeOf(context: CopyContext, rendered: Rendered): Written | null {
  const own = ownRecord(context.record, context);
  return own?.valueFingerprint === rendered.valueFingerprint ? lastWrite(own) : null;
}

/** The fingerprint of what the store holds, as far as its mark or the ledger tell; null = not known. */
function fingerprintFound(
  observed: Observed | null,
  own: CopyRecord | null,
  { plan, rendered }: { plan: Plan; rendered: Rendered },
): string | null {
  if (observed === null) return null;
  const told = fingerprintIn(observed.state) ?? own?.valueFingerprint ?? null;
  // The mark stays when somebody else changes the value.
  const isChanged = 'differences' in plan && plan.differences.includes('value');
  return isChanged && told === rendered.valueFingerprint ? null : told;
}

/** What ends without a write: nothing to do, a conflict, drift that is only reported, a dry run, writes paused. */
function settle(context: CopyContext, rendered: Rendered, plan: Plan): Outcome | null {
  switch (plan.action) {
    case 'conflict':
      throw plan.error;
    case 'unchanged': {
      const { versionId } = plan.observed;
      // What we remember of our own write is worth more than a listing that may be behind (GCP), or ahead by a stranger's hand.
      const written = writeOf(context, rendered) ?? (versionId === null ? null : { versionId, at: 0 });
      return done('unchanged', 'synced', { rendered, ...(written ? { written } : {}) });
    }
    case 'skip': {
      // What is there was left by `updatePolicy` without a look at it, or is what we wrote once, and drifted.
      const { valueFingerprint } = rendered;
      const known = leavesAll(context) ? { wantedFingerprint: valueFingerprint } : { rendered };
      return done('skipped', 'synced', { ...known, message: plan.why });
    }
    case 'drift':
      return done('drifted', 'drifted', {
        rendered,
        reason: 'Drifted',
        message: `${labelOf(context.wanted)} ${plan.why}`,
      });
    default:
      return canWrite(context)
        ? null
        : held(context, {
            planned: changeOf(plan),
            why: 'why' in plan ? plan.why : '',
            wantedFingerprint: rendered.valueFingerprint,
          });
  }
}

/** What the store was just seen to hold. */
function premiseOf(plan: Plan): Premise {
  if (!('differences' in plan)) return { kind: 'absent' };
  // A copy that is taken over or brought back gets everything anew.
  const { observed, differences } = plan;
  return plan.action === 'update' ? { kind: 'observed', observed, differences } : { kind: 'observed', observed };
}

function changeOf(plan: Plan): CopyChange {
  if (plan.action === 'update' && !plan.differences.includes('value')) return 'metadataUpdated';
  const changes = {
    create: 'created',
    update: 'updated',
    adopt: 'adopted',
    restore: 'restored',
    delete: 'deleted',
    unchanged: 'unchanged',
    skip: 'skipped',
    drift: 'drifted',
    retain: 'retained',
    absent: 'absent',
    conflict: 'conflict',
  } as const;
  return changes[plan.action];
}

/** Writes under a premise; null when the store contradicted it and nothing was written. */
async function write(context: CopyContext, { desired }: Rendered, premise: Premise): Promise<Written | null> {
  const { world, resolved, wanted } = context;
  await world.recordPlaces(resolved.sync, [writtenPlaceOf(wanted.target, wanted.into.destination)]);
  return change(context, (signal) => wanted.target.write(desired, premise, signal));
}
