import type { CallKind, Rate } from '../contract.ts';

/**
 * GCP counts calls by the minute and project, whoever makes them: 600 that read (all but the access to values, which
 * we never make) and 600 that write. https://cloud.google.com/secret-manager/quotas
 */
export const rates: Readonly<Record<CallKind, Rate>> = {
  // Looking at a copy takes two calls, the secret and its newest version. With the listings that is at most 435 in a
  // minute; the rest is for the two calls before each state mark that follows an update, and for old versions.
  read: { perSecond: 3, burst: 20 },
  // One call for each 500 copies of the owner.
  list: { perSecond: 0.5, burst: 5 },
  // A creation takes two calls, and an update takes one and within a minute another for its state mark: so 80 % of what
  // may be written, and at once as many as still fit into any minute. Old versions are destroyed beside it, one a second.
  write: { perSecond: 4, burst: 30 },
};

/** Google counts by the minute. */
export const quotaSeconds = 60;
