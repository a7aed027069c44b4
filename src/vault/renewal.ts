import type { Lease } from './login.ts';

/** Milliseconds; also keeps timers far below the 24.8 days at which Node's overflow. */
const longestDelay = 60 * 60 * 1000;
const longestRetry = 60 * 1000;
const shortestRetry = 250;

/** Milliseconds until a lease should be renewed: two thirds of it, a little earlier by `chance` (0–1); `null` = never. */
export function renewalDelay(lease: Pick<Lease, 'durationMs'>, chance: number): number | null {
  if (lease.durationMs <= 0) return null;
  return Math.min((lease.durationMs * 2) / 3, longestDelay) * (1 - 0.1 * chance);
}

/** Milliseconds until a renewal that failed is tried again: several times within what is left of the lease. */
export function retryDelay(lease: Pick<Lease, 'durationMs'>, chance: number): number {
  return Math.min(Math.max(lease.durationMs / 10, shortestRetry), longestRetry) * (1 - 0.1 * chance);
}

/** Vault cuts renewals off at the token's maximum TTL: a renewal that gave no more than half tells that the end is near. */
export function endsSoon(renewed: Pick<Lease, 'durationMs'>, first: Pick<Lease, 'durationMs'>): boolean {
  return renewed.durationMs <= first.durationMs / 2;
}
