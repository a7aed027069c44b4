import type { Condition, SyncStatus } from '../crd/status.ts';
import type { Announcement } from './manifests/contract.ts';

/**
 * What people are told when a status follows another: that the sync became ready or not, or for another reason, and that
 * Vault went away or came back. Nothing while the state stays, however often a status is written. Pure.
 */
export function announcementsOf(before: SyncStatus | null, after: SyncStatus): Announcement[] {
  const ready = conditionOf(after, 'Ready');
  const wasReady = conditionOf(before, 'Ready');
  const source = conditionOf(after, 'SourceAvailable');
  const wasAvailable = conditionOf(before, 'SourceAvailable');
  const said: Announcement[] = [];
  const isNews = ready?.status !== wasReady?.status || ready?.reason !== wasReady?.reason;
  if (ready && isNews && ready.reason !== 'Progressing') said.push(announcement(ready));
  const isAway = source?.status === 'False';
  const isBack = source?.status === 'True' && wasAvailable?.status === 'False';
  if (source && ((isAway && source.reason !== wasAvailable?.reason) || isBack)) said.push(announcement(source));
  // What Vault says of a manifest makes it not ready too: said once.
  return said.filter(({ reason }, index) => said.findIndex((one) => one.reason === reason) === index);
}

function announcement({ status, reason, message }: Condition): Announcement {
  return { type: status === 'False' ? 'Warning' : 'Normal', reason, message };
}

function conditionOf(status: SyncStatus | null, type: Condition['type']): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
