import type { CallKind, Rate } from '../contract.ts';

/**
 * GCP counts calls by the minute and project, whoever makes them: 600 that read (all but the access to values, which
 * we never make) and 600 that write. https://cloud.google.com/secret-manager/quotas
 */
export const rates: Readonly<Record<CallKind, Rate>> = {
  // Looking at a copy takes two calls, the secret and its newest version: 400 in a minute at most. Beside it, 120 for old
  // versions (two a second), 40 for state marks (two in three seconds) and 35 for listings: 595.
  read: { perSecond: 3, burst: 20 },
  // One call for each 500 copies of the owner.
  list: { perSecond: 0.5, burst: 5 },
  // A creation takes two calls, an update one: 520 in a minute at most. Beside it, 60 destroy old versions and 20 write
  // state marks: 600.
  write: { perSecond: 4, burst: 20 },
};

/** Google counts by the minute. */
export const quotaSeconds = 60;
