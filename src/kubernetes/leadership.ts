import { setTimeout as sleep } from 'node:timers/promises';
import { type CoordinationV1Api, type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import type { Logger } from '../logging.ts';
import { attempting } from './attempt.ts';
import type { LeadOptions } from './contract.ts';
import { isStatus } from './failure.ts';

export interface LeadWorld {
  readonly api: CoordinationV1Api;
  readonly logger: Logger;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
}

/**
 * Competes for a Lease and works while it is held.
 *
 * Clocks of two machines differ, so nobody compares the time in the Lease with his own: a holder is taken for dead when the Lease has
 * not changed for `leaseSeconds` while we looked at it. The holder renews three times in that span and lays down its work a third
 * before the others may take it over. Every write carries the resourceVersion that was read, so of two who try, one wins.
 */
export async function runWhileLeading(options: LeadOptions, world: LeadWorld): Promise<void> {
  const { stop, leaseSeconds = 15 } = options;
  const pauseMs = (leaseSeconds * 1000) / 3;
  let seen = { version: '', at: 0 };
  while (!stop.aborted) {
    try {
      const lease = await readLease(options, world);
      const version = lease?.metadata?.resourceVersion ?? '';
      if (version !== seen.version) seen = { version, at: world.now() };
      const expired = world.now() - seen.at >= leaseSeconds * 1000;
      const held = lease === null || isFree(lease, options) || expired ? await takeLease(lease, options, world) : null;
      if (held !== null) await lead(held, options, world);
    } catch (error) {
      if (!stop.aborted)
        world.logger.warn({ err: error, lease: options.name }, 'leading, or competing for it, failed; trying again');
    }
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

function isFree({ spec }: V1Lease, { identity }: LeadOptions): boolean {
  return !spec?.holderIdentity || spec.holderIdentity === identity;
}

/** Works until the Lease is lost, the work ends or we are stopped; then gives the Lease back. */
async function lead(taken: V1Lease, options: LeadOptions, world: LeadWorld): Promise<void> {
  const { work, stop, leaseSeconds = 15 } = options;
  const leaseMs = leaseSeconds * 1000;
  const lost = new AbortController();
  const signal = AbortSignal.any([stop, lost.signal]);
  // A timer of its own, for a renewal may hang longer than the Lease lasts.
  let expiry = setTimeout(() => lost.abort(), (leaseMs * 2) / 3);
  let lease: V1Lease | null = taken;
  const renewing = (async () => {
    for (;;) {
      await sleep(leaseMs / 3, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || lease === null) return;
      const askedAt = world.now();
      try {
        lease = await takeLease(lease, options, world);
        clearTimeout(expiry);
        const leftMs = lease === null ? 0 : (leaseMs * 2) / 3 - (world.now() - askedAt);
        expiry = setTimeout(() => lost.abort(), leftMs);
      } catch (error) {
        world.logger.warn({ err: error, lease: options.name }, 'cannot renew the Lease');
      }
    }
  })();
  try {
    await work(signal);
  } finally {
    lost.abort();
    await renewing;
    clearTimeout(expiry);
    if (lease !== null) await giveBack(lease, options, world);
  }
}

async function readLease(options: LeadOptions, { api }: LeadWorld): Promise<V1Lease | null> {
  const { namespace, name } = options;
  return attempting({ ...attemptOn(options), verb: 'get' }, async () => {
    try {
      return await api.readNamespacedLease({ namespace, name });
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  });
}

/** @returns null when somebody else was faster */
async function takeLease(lease: V1Lease | null, options: LeadOptions, { api }: LeadWorld): Promise<V1Lease | null> {
  const { namespace, name, identity, leaseSeconds = 15 } = options;
  // What is read has a text where the type says time, and a plain Date would be sent with three digits instead of six.
  const now = new V1MicroTime();
  const isOurs = lease?.spec?.holderIdentity === identity;
  const acquired = lease?.spec?.acquireTime;
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: leaseSeconds,
    renewTime: now,
    acquireTime: isOurs && acquired ? new V1MicroTime(String(acquired)) : now,
    leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease !== null && !isOurs ? 1 : 0),
  };
  return attempting({ ...attemptOn(options), verb: lease === null ? 'create' : 'update' }, async () => {
    try {
      if (lease === null) return await api.createNamespacedLease({ namespace, body: { metadata: { name }, spec } });
      return await api.replaceNamespacedLease({ namespace, name, body: { ...lease, spec } });
    } catch (error) {
      if (isStatus(error, 409)) return null;
      throw error;
    }
  });
}

async function giveBack(lease: V1Lease, { namespace, name }: LeadOptions, { api, logger }: LeadWorld): Promise<void> {
  const { holderIdentity: _ours, renewTime: _renewed, acquireTime: _acquired, ...spec } = lease.spec ?? {};
  try {
    await api.replaceNamespacedLease({ namespace, name, body: { ...lease, spec } });
  } catch (error) {
    logger.debug({ err: error, lease: name }, 'the Lease could not be given back; it runs out by itself');
  }
}

function attemptOn({ namespace, name }: LeadOptions) {
  return { group: 'coordination.k8s.io', resource: 'leases', namespace, name };
}
