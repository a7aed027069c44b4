import type { WireVersion } from './connection.ts';
import { msOf } from './durations.ts';
import { lastSegment } from './names.ts';

/** Which versions of a secret stay. */
export interface RetentionPolicy {
  /** Enabled versions to keep, at least one. */
  readonly keepEnabled: number;
  /** Milliseconds that a version still stays once it is not kept any more. */
  readonly destroyAfterMs: number;
}

/** How long a version stays once it is not kept any more, as a manifest says it or by default. */
export function destroyAfterOf({ destroyAfter = '24h' }: { readonly destroyAfter?: string }): string {
  return destroyAfter;
}

export interface Retention {
  /** Versions whose time is over, the oldest first. */
  readonly destroy: readonly WireVersion[];
  /** Unix time in milliseconds when the next version's time is over; null = there is none. */
  readonly nextAt: number | null;
}

/**
 * Which versions are to be destroyed now. The newest `keepEnabled` enabled ones are kept, and so is whatever is newer than
 * the oldest of them. An older one, enabled or disabled, stays until `destroyAfterMs` after the enabled version was made
 * that took its place among those kept: a time that the listing tells, so nothing need be remembered. A listing that is
 * behind shows fewer new versions, and so keeps more. Versions with an alias stay, and what Google destroys by itself
 * (its `version_destroy_ttl`) is destroyed already. Pure; `now` is Unix time in milliseconds.
 */
export function planRetention(
  versions: readonly WireVersion[],
  { keepEnabled, destroyAfterMs }: RetentionPolicy,
  { aliased, now }: { readonly aliased: ReadonlySet<string>; readonly now: number },
): Retention {
  const present = versions.filter(({ state, scheduledDestroyTime }) => state !== 'DESTROYED' && !scheduledDestroyTime);
  const oldestFirst = present.toSorted((left, right) => numberOf(left) - numberOf(right));
  const enabled = oldestFirst.filter(({ state }) => state === 'ENABLED');
  const destroy: WireVersion[] = [];
  let nextAt: number | null = null;
  for (const version of oldestFirst) {
    if (aliased.has(lastSegment(version.name))) continue;
    // Nothing is newer than the newest, so it has no successor.
    const successor = enabled.filter((one) => numberOf(one) > numberOf(version))[keepEnabled - 1];
    // Without a time nobody knows since when.
    if (!successor?.createTime) continue;
    const at = msOf(successor.createTime) + destroyAfterMs;
    if (at <= now) destroy.push(version);
    else nextAt = Math.min(nextAt ?? at, at);
  }
  return { destroy, nextAt };
}

function numberOf({ name }: WireVersion): number {
  return Number(lastSegment(name));
}
