import type { CopyChange, CopyResult } from './ports.ts';

/** What a plan calls what is due for a copy. Scripts read these words. */
export const planClasses = [
  'create',
  'update',
  'metadata-only',
  'adopt',
  'delete',
  'guarded',
  'conflict',
  'failed',
  'skip',
  'unchanged',
] as const;
export type PlanClass = (typeof planClasses)[number];

/** What each change counts as; null = there is neither a secret nor a copy, so nothing to speak of. */
const classes: Readonly<Record<CopyChange, PlanClass | null>> = {
  created: 'create',
  updated: 'update',
  restored: 'update',
  metadataUpdated: 'metadata-only',
  adopted: 'adopt',
  deleted: 'delete',
  waiting: 'delete',
  guarded: 'guarded',
  conflict: 'conflict',
  failed: 'failed',
  paused: 'failed',
  skipped: 'skip',
  retained: 'skip',
  drifted: 'skip',
  unchanged: 'unchanged',
  dryRun: 'unchanged',
  absent: null,
};

/** The class of what was done with a copy or, where nothing might be written, of what would have been. Pure. */
export function planClassOf({ change, planned }: Pick<CopyResult, 'change' | 'planned'>): PlanClass | null {
  return classes[change === 'dryRun' || change === 'paused' ? planned : change];
}
