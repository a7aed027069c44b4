/** How buckets of calls behave, in memory and in Redis alike. Times in milliseconds, shares of 1. */
export const bucketRules = {
  /** Part of the burst that backfill leaves to events. */
  reserve: 0.25,
  /** How long a bucket takes from giving nothing to giving all again; what it gives grows evenly. */
  recoveryMs: 300_000,
  /** However often a store says to slow down, a bucket gives this much of its rate. */
  lowestShare: 0.01,
  /** Within this time, several calls that were told to slow down are one incident: they were under way together. */
  incidentMs: 1_000,
  /** A store that says to wait for longer than this is asked again all the same. */
  longestPauseMs: 3_600_000,
} as const;
