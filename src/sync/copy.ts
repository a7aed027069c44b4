import { SyncError } from '../errors.ts';
import {
  type Difference,
  type Observed,
  type Premise,
  PremiseChanged,
  type Written,
} from '../sync-targets/contract.ts';
import type { FoundSecret, SecretRead } from '../vault/contract.ts';
import { isMarkedFor } from './marks.ts';
import {
  type Candidate,
  done,
  failureOf,
  interrupted,
  lastWrite,
  type Outcome,
  ownRecord,
  recordOf,
  resultOf,
} from './outcome.ts';
import { type Plan, planCopy } from './plan.ts';
import type { CopyChange, CopyRecord, CopyResult, World } from './ports.ts';
import { refusedId } from './refused.ts';
import { type Rendered, renderCopy } from './render.ts';
import type { WantedCopy } from './resolve.ts';

/** Milliseconds that a store may take for one call before the copy is parked and the path freed. */
const storeTimeLimitMs = 5_000;
/** Times that a copy is described and planned anew because the store contradicted us. */
const replans = 3;

export interface CopyContext extends Candidate {
  readonly world: World;
  /** What the ledger held before. */
  readonly record: CopyRecord | null;
  /** Aborts when the copy's lease is lost or the process stops: no write starts after that. */
  readonly signal: AbortSignal;
  /** Look at the store even where the ledger says that all is well. */
  readonly verify: boolean;
  /** Uuid of the mount that the source was read from; null = not known. */
  readonly mountUuid: string | null;
  /** What a listing has just shown of this copy, if there was one and the copy was in it. */
  readonly listed: Observed | null;
}

/** Brings one copy to what Vault says now, and records the outcome. Throws only when the ledger does not take it. */
export async function reconcileCopy(context: CopyContext, read: SecretRead): Promise<CopyResult> {
  const { world, signal } = context;
  let outcome: Outcome;
  try {
    outcome = await (read.found ? bringInSync(context, read) : followAbsence(context));
    // A change that ended without its lease may not have been the last one.
    if (signal.aborted && outcome.change !== 'unchanged') outcome = interrupted();
  } catch (error) {
    outcome = signal.aborted ? interrupted() : failureOf(error);
  }
  const result = resultOf(context, outcome);
  world.onCopy(result);
  await remember(context, read, outcome);
  return result;
}

async function remember(context: CopyContext, read: SecretRead, outcome: Outcome): Promise<void> {
  const { world, resolved, wanted, record, mountUuid } = context;
  const { state } = outcome;
  const own = ownRecord(record, context);
  const complaint = refusedId(resolved, wanted);
  if (!own && (state === 'absent' || state === 'synced')) await world.ledger.forget(complaint);
  if (state === 'absent') {
    if (record?.sync === resolved.key) await world.ledger.forget(wanted.id);
    return;
  }
  // A copy that is another sync's keeps that sync's record: our complaint is written beside it.
  const anothers = record !== null && record.sync !== resolved.key && state !== 'synced';
  const id = anothers ? complaint : wanted.id;
  await world.ledger.record(id, recordOf(context, { outcome, state, read, mountUuid, own, at: world.now() }));
}

async function bringInSync(context: CopyContext, read: FoundSecret): Promise<Outcome> {
  const { world, resolved, wanted, verify } = context;
  const rendered = renderCopy({
    key: world.fingerprintKey,
    secret: read,
    render: resolved.render,
    name: wanted.name,
    destination: wanted.destination,
    owner: resolved.owner,
    ref: resolved.ref,
    source: wanted.source,
  });
  wanted.target.preflight(rendered.desired);
  const own = ownRecord(context.record, context);
  const synced = own?.state === 'synced' && !verify ? own : null;
  if (synced?.fingerprint === rendered.fingerprint) return done('unchanged', 'synced', { rendered });
  // What we wrote last is all that differs: one write, and nothing to look at first.
  let remembered = synced?.settingsFingerprint === rendered.settingsFingerprint ? lastWrite(synced) : null;
  for (let attempt = 0; attempt < replans; attempt++) {
    if (remembered && canWrite(context)) {
      const written = await write(context, rendered, { kind: 'remembered', written: remembered });
      if (written) return done('updated', 'synced', { rendered, written });
      remembered = null;
      continue;
    }
    const plan = await planAgainstStore(context, rendered, attempt);
    const settled = settle(context, rendered, plan);
    if (settled) return settled;
    const written = await write(context, rendered, premiseOf(plan));
    if (written) return done(changeOf(plan), 'synced', { rendered, written, message: 'why' in plan ? plan.why : '' });
  }
  throw keepsChanging(wanted);
}

async function planAgainstStore(context: CopyContext, rendered: Rendered, attempt: number): Promise<Plan> {
  const { world, resolved, wanted, listed, record } = context;
  const { target } = wanted;
  // After a failure only a look of our own tells what the store holds.
  const observed = attempt === 0 && listed && record?.state !== 'failed' ? listed : await describe(context);
  const written = writeOf(context, rendered);
  const differences: readonly Difference[] = observed ? target.compare(rendered.desired, observed, written) : [];
  return planCopy({
    label: labelOf(wanted),
    owner: resolved.owner,
    observed,
    differences,
    adoptionPolicy: resolved.spec.adoptionPolicy ?? world.defaultAdoptionPolicy,
    deletionPolicy: resolved.spec.deletionPolicy,
  });
}

/** Our last write, if it was of just this: a version id proves something only while it belongs to what must be there. */
function writeOf(context: CopyContext, rendered: Rendered): Written | null {
  const own = ownRecord(context.record, context);
  return own?.fingerprint === rendered.fingerprint ? lastWrite(own) : null;
}

/** What ends without a write: nothing to do, a conflict, a dry run, writes paused. */
function settle(context: CopyContext, rendered: Rendered, plan: Plan): Outcome | null {
  if (plan.action === 'conflict') throw plan.error;
  if (plan.action === 'unchanged') {
    const { versionId } = plan.observed;
    // What we remember of our own write is worth more than a listing that may be behind (GCP), or ahead by a stranger's hand.
    const written = writeOf(context, rendered) ?? (versionId === null ? null : { versionId, at: 0 });
    return done('unchanged', 'synced', { rendered, ...(written ? { written } : {}) });
  }
  return canWrite(context) ? null : held(context, changeOf(plan), 'why' in plan ? plan.why : '');
}

/** What the store was just seen to hold. */
function premiseOf(plan: Plan): Premise {
  if (!('differences' in plan)) return { kind: 'absent' };
  // A copy that is taken over or brought back gets everything anew.
  const { observed, differences } = plan;
  return plan.action === 'update' ? { kind: 'observed', observed, differences } : { kind: 'observed', observed };
}

function canWrite({ world, resolved }: CopyContext): boolean {
  return !resolved.spec.dryRun && world.writes() === 'enabled';
}

/** A change that is due but not allowed now. */
function held({ resolved }: CopyContext, planned: CopyChange, why: string): Outcome {
  if (resolved.spec.dryRun) return done('dryRun', 'dryRun', { planned, message: why });
  const message = 'writes are paused by the setting `writes: paused`';
  return done('paused', 'failed', { planned, reason: 'WritesPaused', message });
}

function changeOf(plan: Plan): CopyChange {
  const changes = {
    create: 'created',
    update: 'updated',
    adopt: 'adopted',
    restore: 'restored',
    delete: 'deleted',
    unchanged: 'unchanged',
    retain: 'retained',
    absent: 'absent',
    conflict: 'conflict',
  } as const;
  return changes[plan.action];
}

/** The source is certainly gone: the copy goes too, once the store has shown that it is ours and if the policy says so. */
async function followAbsence(context: CopyContext): Promise<Outcome> {
  const { wanted, resolved } = context;
  for (let attempt = 0; attempt < replans; attempt++) {
    const observed = await describe(context);
    // The manifest may have pointed elsewhere before: the absence of one secret says nothing of another's copy.
    if (observed && !isMarkedFor(observed.state, wanted.source)) return done('absent', 'absent');
    const plan = planCopy({
      label: labelOf(wanted),
      owner: resolved.owner,
      observed,
      differences: null,
      adoptionPolicy: 'Never',
      deletionPolicy: resolved.spec.deletionPolicy,
    });
    if (plan.action === 'retain') {
      return done('retained', 'retained', { message: 'the source is gone; kept by deletionPolicy: Retain' });
    }
    if (plan.action !== 'delete') return done('absent', 'absent');
    if (!canWrite(context)) return held(context, 'deleted', 'the source is gone');
    if (await change(context, (signal) => wanted.target.remove(plan.observed, signal).then(() => true))) {
      return done('deleted', 'absent');
    }
  }
  throw keepsChanging(wanted);
}

/** Writes under a premise; null when the store contradicted it and nothing was written. */
async function write(context: CopyContext, { desired }: Rendered, premise: Premise): Promise<Written | null> {
  const { world, resolved, wanted } = context;
  await world.recordPlaces(resolved.sync, [wanted.target.scope]);
  return change(context, (signal) => wanted.target.write(desired, premise, signal));
}

/** A call that changes something; null when the store contradicted what we believed and nothing was changed. */
async function change<T>(context: CopyContext, call: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  context.signal.throwIfAborted();
  try {
    return await limited(context, call);
  } catch (error) {
    if (error instanceof PremiseChanged) return null;
    throw error;
  }
}

function describe(context: CopyContext): Promise<Observed | null> {
  const { target, name } = context.wanted;
  return limited(context, (signal) => target.describe(name, signal));
}

/** Runs one call to a store with a time limit of its own. */
async function limited<T>(context: CopyContext, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limitMs = context.world.storeTimeLimitMs ?? storeTimeLimitMs;
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([context.signal, limit]);
  try {
    return await call(signal);
  } catch (error) {
    if (error instanceof SyncError || error instanceof PremiseChanged || !limit.aborted) throw error;
    throw new SyncError({
      remedy: 'Retry',
      reason: 'StoreTimeout',
      message: `${labelOf(context.wanted)}: the store did not answer within ${limitMs / 1000} s`,
      cause: error,
    });
  }
}

function keepsChanging(wanted: WantedCopy): SyncError {
  return new SyncError({
    remedy: 'Retry',
    reason: 'KeepsChanging',
    message: `${labelOf(wanted)} changed under our hands ${replans} times in a row; it is tried again`,
  });
}

function labelOf(wanted: WantedCopy): string {
  return `${wanted.target.scope}/${wanted.name}`;
}
