import { SyncError } from '../errors.ts';
import { ownerOf } from './marks.ts';
import type { Candidate } from './outcome.ts';
import type { CopyRecord, WaitingCopy, World } from './ports.ts';
import { refusedId } from './refused.ts';

/**
 * Who may have a copy that several syncs of the installation want. Whoever has written it holds it; of those who have
 * not, the one that was created first. All of this is asked and changed only under the copy's lease.
 */

/** Names in the ledger's facts that belong to no sync. */
const waitingFacts = '*waiting';
const handoverFacts = '*handover';

/** The error for a copy that another sync holds or has an earlier claim to; null = it may be ours. Pure. */
export function claimConflict(
  {
    world,
    record,
  }: { world: Pick<World, 'generationOf' | 'defaultAdoptionPolicy' | 'earlierRival'>; record: CopyRecord | null },
  { resolved, wanted }: Candidate,
): SyncError | null {
  const label = `${wanted.target.scope}/${wanted.name}`;
  if (record === null || (record.sync === resolved.key && record.fingerprint === null)) {
    const rival = world.earlierRival(wanted.id, resolved.sync);
    return rival === null ? null : wasThereFirst(label, rival);
  }
  if (record.sync === resolved.key || world.generationOf(record.sync) === null) return null;
  if (['conflict', 'dryRun', 'deleted'].includes(record.state)) return null;
  const wasWritten = record.fingerprint !== null;
  // Only left as it is (`updatePolicy: IfNotExists`): whoever made it holds it.
  if (!wasWritten && record.state === 'synced') return null;
  // The store's own mark has the last word about what was written: adoption may take it over.
  if (wasWritten && (resolved.spec.adoptionPolicy ?? world.defaultAdoptionPolicy) === 'Always') return null;
  const { createdAt } = resolved.sync;
  const isEarlier =
    createdAt < record.syncCreatedAt || (createdAt === record.syncCreatedAt && resolved.key < record.sync);
  if (!wasWritten && isEarlier) return null;
  if (!wasWritten) return wasThereFirst(label, record.sync);
  return new SyncError({
    remedy: 'Conflict',
    reason: 'OwnedByAnother',
    message: `${label} belongs to ${record.sync}; nothing was written. Choose another name, or take it over with adoptionPolicy: Always`,
    owner: record.sync,
  });
}

function wasThereFirst(label: string, sync: string): SyncError {
  return new SyncError({
    remedy: 'Conflict',
    reason: 'OwnedByAnother',
    message: `${label} is wanted by ${sync} too, which was there first; nothing was written. Choose another name`,
    owner: sync,
  });
}

/** Notes that a sync would have the copy if whoever has it gave it up. */
export async function awaitRelease(world: World, { resolved, wanted }: Candidate): Promise<void> {
  const waiting = await recallWaiting(world, wanted.id);
  const copy = refusedId(resolved, wanted);
  if (waiting.some((known) => known.copy === copy)) return;
  const alive = waiting.filter(({ sync }) => world.generationOf(sync) !== null);
  const { source, name, target } = wanted;
  const { createdAt } = resolved.sync;
  const all = [...alive, { sync: resolved.key, copy, source, createdAt, destination: target.scope, name }];
  await world.ledger.remember(waitingFacts, wanted.id, JSON.stringify(all.slice(0, 32)));
}

/**
 * Hands a copy that is not wanted any more to the earliest of those who wait for it, mark and all; false when nobody
 * does. It stays with an heir who has not taken it yet. The caller forgets its own record.
 */
export async function handOver(
  world: World,
  options: {
    readonly copy: string;
    /** The mark that it bears. */
    readonly owner: string;
    /** A source that is gone: for who wants the copy of that very one, nothing is left to copy. */
    readonly gone?: string;
  },
): Promise<boolean> {
  const { copy, owner, gone } = options;
  const waiting = await recallWaiting(world, copy);
  const handover = await recallHandover(world, copy);
  const inOrder = waiting.sort((one, other) => one.createdAt - other.createdAt || (one.sync < other.sync ? -1 : 1));
  for (const heir of [...(handover?.owner === owner ? [handover.to] : []), ...inOrder]) {
    if (heir.source === gone || !(await stillWants(world, heir, copy))) continue;
    await world.ledger.remember(handoverFacts, copy, JSON.stringify({ owner, to: heir }));
    await world.ledger.remember(waitingFacts, copy, JSON.stringify(waiting.filter((one) => one !== heir)));
    await world.wake([heir]);
    return true;
  }
  return false;
}

/** Whether a sync complains to this day that it cannot have a copy. */
async function stillWants(world: World, heir: Waiting, copy: string): Promise<boolean> {
  const generation = world.generationOf(heir.sync);
  if (generation === null) return false;
  const records = await world.ledger.get([heir.copy, copy]);
  // A complaint of an older manifest tells nothing: the newer one has yet to be gone through, and asks for itself.
  return records.some(
    (record) =>
      record?.sync === heir.sync &&
      record.source === heir.source &&
      record.destination === heir.destination &&
      record.name === heir.name &&
      record.state !== 'deleted' &&
      record.generation === generation,
  );
}

/** The owner mark that a copy may still bear though it is ours now; null when nobody has given it up for us. */
export async function formerOwnerOf(
  world: World,
  { resolved, wanted }: Candidate,
  record: CopyRecord | null,
): Promise<string | null> {
  if (record?.state === 'deleted' && record.sync !== resolved.key) return ownerOfSync(world, record.sync);
  return handedOverBy(world, { resolved, wanted });
}

/** The mark of the sync that has handed a copy over to us and that it still bears; null = none has. */
export async function handedOverBy(
  world: World,
  { resolved, wanted }: Pick<Candidate, 'resolved' | 'wanted'>,
): Promise<string | null> {
  return inheritedMark(world, { sync: resolved.key, copy: wanted.id });
}

/** The same by the sync's key and the copy's id: whoever goes away without having taken it must give it up like its own. */
export async function inheritedMark(
  world: World,
  { sync, copy }: { readonly sync: string; readonly copy: string },
): Promise<string | null> {
  const handover = await recallHandover(world, copy);
  return handover?.to.sync === sync ? handover.owner : null;
}

/** What was handed over has been taken. */
export async function endHandover(world: World, copy: string): Promise<void> {
  await world.ledger.remember(handoverFacts, copy, '');
}

function ownerOfSync(world: World, sync: string): string {
  const slash = sync.indexOf('/');
  const namespace = sync.slice(0, slash);
  return ownerOf({ installation: world.installation, namespace, name: sync.slice(slash + 1) });
}

interface Waiting extends WaitingCopy {
  readonly createdAt: number;
  /** Place and name of the copy. */
  readonly destination: string;
  readonly name: string;
}

interface Handover {
  readonly owner: string;
  readonly to: Waiting;
}

async function recallHandover(world: World, copy: string): Promise<Handover | null> {
  const text = await world.ledger.recall(handoverFacts, copy);
  return text ? (JSON.parse(text) as Handover) : null;
}

async function recallWaiting(world: World, copy: string): Promise<Waiting[]> {
  const text = await world.ledger.recall(waitingFacts, copy);
  return text ? (JSON.parse(text) as Waiting[]) : [];
}
