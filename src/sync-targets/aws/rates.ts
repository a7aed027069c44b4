import type { CallKind, Rate } from '../contract.ts';

/**
 * AWS counts calls by the second, region and account (that of the role, where one is assumed), each group by itself:
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 */
export const rates: Readonly<Record<CallKind, Rate>> = {
  // 10,000 DescribeSecret and GetSecretValue together: nearly all of it is left to those who read the secrets.
  read: { perSecond: 1000, burst: 1000 },
  // 100 ListSecrets, each a page of at most 100 copies: 80 % of it, at ten pages a listing.
  list: { perSecond: 8, burst: 8 },
  // 50 of PutSecretValue and UpdateSecret together, 50 CreateSecret, 50 DeleteSecret, 50 TagResource, 50 RestoreSecret:
  // 80 % of one group, since a write seldom makes two calls of one; and at once as many as come in a second. AWS does not
  // say what it takes at once, and each refusal costs minutes at half the rate.
  write: { perSecond: 40, burst: 50 },
};

/** AWS counts by the second. */
export const quotaSeconds = 1;
