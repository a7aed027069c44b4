/**
 * AWS keeps about 100 versions of a secret, and removes none that is younger than a day: whoever writes more often is
 * refused from then on, for hours. So a secret that changes that often is written more slowly before it comes to that,
 * each time with what Vault says then.
 *
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 */

/** Milliseconds. */
const day = 24 * 60 * 60_000;
/** Versions that AWS takes within a day, unless the settings know better. */
const defaultPerDay = 100;
/** The share of them up to which nothing is slowed. */
const calmShare = 0.5;
/** The share that we make at most: the rest is for people, and for what was not counted. */
const ownShare = 0.9;
/** Writes that may pass before AWS is asked how many versions there are. */
const unseen = 10;
/** Secrets that are remembered; beyond that those written longest ago are forgotten. */
const remembered = 10_000;

/**
 * Milliseconds to wait before another version is made: none in calm times; then what is left of a day's versions is
 * spread over the time until the oldest of them is a day old. Pure.
 *
 * @param created when the versions were made, Unix times in milliseconds, in any order
 */
export function waitForVersion(created: readonly number[], now: number, perDay = defaultPerDay): number {
  const young = created.filter((at) => at > now - day).sort((left, right) => left - right);
  const [oldest = now] = young;
  const most = Math.floor(perDay * ownShare);
  if (young.length < perDay * calmShare) return 0;
  const blocking = young[young.length - most];
  if (blocking !== undefined) return blocking + day - now;
  const pause = (oldest + day - now) / (most - young.length);
  return Math.max(0, Math.ceil((young.at(-1) ?? now) + pause - now));
}

export interface VersionQuota {
  /**
   * To be asked before each new version. Most of the time it asks nobody: it counts, by our own writes and by the
   * versions of the secret in Vault (which other operators write too).
   *
   * @returns milliseconds to wait; 0 = write now
   */
  waitFor(write: NewVersion): Promise<number>;
}

interface NewVersion {
  readonly name: string;
  readonly versionId: string;
  /** Asks AWS when the versions that are there were made, Unix times in milliseconds; null = it does not tell. */
  created(): Promise<readonly number[] | null>;
}

interface QuotaOptions {
  /** Unix time in milliseconds. */
  now(): number;
  /** Versions of a secret that AWS takes within a day. */
  readonly perDay?: number | undefined;
}

interface Count {
  /** Version of the secret in Vault when AWS was asked last, or when it was first written here. */
  readonly from: number;
  /** Unix time in milliseconds of the same. */
  readonly since: number;
  readonly writes: number;
  /** No version before this time: AWS need not be asked again. */
  readonly notBefore: number;
}

export function createVersionQuota({ now, perDay = defaultPerDay }: QuotaOptions): VersionQuota {
  // In order of the last write.
  const counts = new Map<string, Count>();

  function note(name: string, count: Count): void {
    counts.delete(name);
    counts.set(name, count);
    const [longestAgo] = counts.keys();
    if (counts.size > remembered && longestAgo !== undefined) counts.delete(longestAgo);
  }

  return {
    async waitFor({ name, versionId, created }) {
      const time = now();
      const version = vaultVersionIn(versionId);
      const known = counts.get(name);
      const count = known && time - known.since < day ? known : { from: version, since: time, writes: 0, notBefore: 0 };
      if (time < count.notBefore) return count.notBefore - time;
      if (Math.max(count.writes, version - count.from) < unseen) {
        note(name, { ...count, writes: count.writes + 1 });
        return 0;
      }
      const versions = (await created()) ?? [];
      const wait = waitForVersion(versions, time, perDay);
      const isCalm = versions.filter((at) => at > time - day).length < perDay * calmShare;
      // Once it is not calm any more, AWS is asked before each version.
      note(name, { from: version, since: time, writes: isCalm ? 1 : unseen, notBefore: time + wait });
      return wait;
    },
  };
}

/** `vss1-0000000007-…` is version 7 in Vault; 0 = unknown. */
function vaultVersionIn(versionId: string): number {
  return Number(/^vss1-(\d{10})-/.exec(versionId)?.[1] ?? 0);
}
