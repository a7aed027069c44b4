import type { CallKind, Rate } from '../contract.ts';

/**
 * Azure counts calls by 10 seconds, vault and region:
 * https://learn.microsoft.com/azure/key-vault/general/service-limits
 */
export const rates: Readonly<Record<CallKind, Rate>> = {
  // 4,000 of everything but creations. Looking at a copy takes two calls where it is absent; together with the listings
  // that is at most 3,100 in 10 seconds, and the rest is left to those who read the secrets.
  read: { perSecond: 120, burst: 150 },
  // Azure gives 25 secrets a page, however many are asked for: 40 pages in a vault of 1,000.
  list: { perSecond: 0.5, burst: 5 },
  // 300 creations of secrets (with imported keys and certificates). Azure does not say whether a new version is one:
  // taken for one. 80 % of it, and at once as many as still fit into any 10 seconds.
  write: { perSecond: 24, burst: 30 },
};

/** Azure counts by 10 seconds. */
export const quotaSeconds = 10;
