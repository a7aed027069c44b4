import { recallMounts } from './absence.ts';
import { type Leftover, removeLeftover, tell } from './leftovers.ts';
import { noSource } from './marks.ts';
import { targetsOf } from './overview.ts';
import type { CopyResult } from './ports.ts';
import type { SyncWork } from './sync.ts';

/**
 * A mount that was made anew is empty, and says nothing of what was in the one before. Copies that the ledger knows are
 * looked up one by one, and kept; this is about those that only their mark in a store tells of.
 */

/**
 * Of leftovers those that would be deleted although nobody knows which secret they were made of: they lie in a place
 * that the sync still leads to, and a mount is known to be another one than when the sync was last read as a whole.
 */
export async function doubtfulOrphans(
  work: SyncWork,
  options: { readonly leftovers: readonly Leftover[]; readonly mounts: Readonly<Record<string, string>> },
): Promise<ReadonlySet<Leftover>> {
  const { leftovers, mounts } = options;
  const orphans = leftovers.filter(({ entry, target }) => entry.source === noSource && target !== null);
  if (orphans.length === 0 || work.resolved.spec.removalPolicy !== 'Delete') return new Set();
  if (!(await isRemade(work, mounts))) return new Set();
  const scopes = (await targetsOf(work)).map(({ scope }) => scope);
  return new Set(orphans.filter(({ entry }) => scopes.includes(entry.destination)));
}

async function isRemade(
  { world, resolved }: Pick<SyncWork, 'world' | 'resolved'>,
  mounts: Readonly<Record<string, string>>,
): Promise<boolean> {
  const remembered = await recallMounts(world.ledger, resolved.key);
  return Object.entries(mounts).some(([mount, uuid]) => remembered[mount] !== undefined && remembered[mount] !== uuid);
}

/** Leaves such a copy as it is, and says so; unless another sync wants it, which may have it. */
export async function leaveOrphan(work: SyncWork, leftover: Leftover): Promise<CopyResult> {
  const { world, resolved } = work;
  const { copy, entry } = leftover;
  const keeping = { ...resolved, spec: { ...resolved.spec, removalPolicy: 'Retain' as const } };
  const admission = { isAdmitted: false, isReleased: false };
  const handedOver = await removeLeftover({ ...work, ...leftover, ...admission, resolved: keeping });
  if (handedOver) return handedOver;
  const reason = 'SourceNotFound';
  const message =
    `${copy} bears our mark, and nobody knows which secret it was made of: the mount is another one than before, ` +
    'so its emptiness proves nothing. It is left as it is: put the secret back, or delete the copy by hand';
  const { generation } = resolved.sync;
  const at = world.now();
  if (!resolved.spec.dryRun) {
    const told = { state: 'failed', reason, message, stalled: false, unwell: true } as const;
    await world.ledger.record(copy, { ...entry, ...told, generation, at });
  }
  return tell({ ...work, ...leftover }, { change: 'failed', planned: 'failed', reason, message });
}
