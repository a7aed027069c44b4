import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { SyncError } from '../../errors.ts';
import type { Logger } from '../../logging.ts';
import type { Lease, Leases } from '../contract.ts';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';

/** KEYS: the leases. ARGV: token, milliseconds. 1 = all taken, 0 = none. */
const takeAll = script(`
for _, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if holder and holder ~= ARGV[1] then return 0 end
end
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return 1
`);

/** KEYS: the leases. ARGV: token, milliseconds. 1 = all still ours and renewed, 0 = at least one is not, and none was renewed. */
const renewAll = script(`
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) ~= ARGV[1] then return 0 end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return 1
`);

/** KEYS: the leases. ARGV: token. Gives up those that are ours. */
const giveUpAll = script(`
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1
`);

export interface RedisLeasesOptions {
  readonly link: Link;
  readonly keys: Keys;
  /** How long a lease lasts without renewal, in milliseconds; it is renewed every third of that. */
  readonly leaseMs: number;
  /** How often, in milliseconds, a lease that another process holds is asked for. */
  readonly pollMs: number;
  readonly log: Logger;
}

/**
 * Leases with a time limit in Redis. A holder counts the limit from before it asked Redis, on a clock that nobody sets, and stops a
 * tenth early: its signal aborts before Redis lets go, whether or not Redis can still be reached. What this cannot see is a Redis that
 * forgets (a restart without persistence, a failover to a replica that lags): renewal right after a reconnect finds that out.
 */
export class RedisLeases implements Leases {
  readonly #options: RedisLeasesOptions;
  readonly #held = new Set<HeldLease>();
  /** Woken when this process gives up a lease: it need not wait for the next poll. */
  readonly #waiters = new Set<AbortController>();
  readonly #renewSoon = () => {
    for (const lease of this.#held) lease.renewNow();
  };

  constructor(options: RedisLeasesOptions) {
    this.#options = options;
    options.link.client.on('ready', this.#renewSoon);
  }

  async acquire(keys: readonly string[], options: { waitMs: number; signal?: AbortSignal }): Promise<Lease | null> {
    const names = [...new Set(keys)].map((key) => this.#options.keys.lease(key));
    const giveUpAt = performance.now() + options.waitMs;
    while (!options.signal?.aborted) {
      const lease = await this.#tryOnce(names);
      if (lease !== null && options.signal?.aborted) await lease.release();
      else if (lease !== null) return lease;
      const left = giveUpAt - performance.now();
      if (left <= 0) return null;
      await this.#pause(left, options.signal);
    }
    return null;
  }

  close(): void {
    this.#options.link.client.off('ready', this.#renewSoon);
    for (const lease of this.#held) lease.abandon();
    for (const waiter of this.#waiters) waiter.abort();
  }

  async #tryOnce(names: readonly string[]): Promise<Lease | null> {
    const { link, leaseMs, log } = this.#options;
    const token = randomUUID();
    const askedAt = performance.now();
    try {
      const taken = await link.use('give a lease', (client) => takeAll(client, names, [token, leaseMs]));
      if (taken !== 1) return null;
    } catch (error) {
      // Redis may have given it all the same.
      giveUpAll(link.client, names, [token]).catch(() => undefined);
      throw error;
    }
    const lease = new HeldLease({
      client: link.client,
      names,
      token,
      leaseMs,
      log,
      askedAt,
      released: () => {
        this.#held.delete(lease);
        for (const waiter of this.#waiters) waiter.abort();
      },
    });
    this.#held.add(lease);
    return lease;
  }

  /** Until the next poll, a release in this process, or the caller's signal; at most `left` milliseconds. */
  async #pause(left: number, signal: AbortSignal | undefined): Promise<void> {
    const waiter = new AbortController();
    this.#waiters.add(waiter);
    // Unevenly, so that several processes do not ask in step for ever.
    const ms = Math.min(left, this.#options.pollMs * (0.5 + Math.random()));
    const until = signal === undefined ? waiter.signal : AbortSignal.any([waiter.signal, signal]);
    await sleep(ms, undefined, { signal: until }).catch(() => undefined);
    this.#waiters.delete(waiter);
  }
}

interface HeldLeaseOptions {
  readonly client: Redis;
  readonly names: readonly string[];
  readonly token: string;
  readonly leaseMs: number;
  readonly log: Logger;
  /** When Redis was asked for it, on the clock of `performance.now()`. */
  readonly askedAt: number;
  readonly released: () => void;
}

class HeldLease implements Lease {
  readonly #options: HeldLeaseOptions;
  readonly #controller = new AbortController();
  #validUntil: number;
  #expiry: NodeJS.Timeout;
  #renewal: NodeJS.Timeout;
  #over = false;

  constructor(options: HeldLeaseOptions) {
    this.#options = options;
    this.#validUntil = this.#limitFrom(options.askedAt);
    this.#expiry = this.#armExpiry();
    this.#renewal = this.#armRenewal(options.leaseMs / 3);
  }

  /** Looks at the clock as well: a timer may be late when the process is busy. */
  get signal(): AbortSignal {
    if (!this.#over && performance.now() >= this.#validUntil) this.#lose('it could not be renewed in time');
    return this.#controller.signal;
  }

  async release(): Promise<void> {
    if (this.#over) return;
    this.#end();
    const { client, names, token, log } = this.#options;
    // What cannot be given up now ends by itself.
    await giveUpAll(client, names, [token]).catch((err: unknown) => log.debug({ err }, 'a lease was left to expire'));
    this.#options.released();
  }

  renewNow(): void {
    clearTimeout(this.#renewal);
    void this.#renew();
  }

  /** The process closes its state while somebody holds this. */
  abandon(): void {
    if (!this.#over) this.#lose('this process closes its connection');
  }

  async #renew(): Promise<void> {
    const { client, names, token, leaseMs } = this.#options;
    const askedAt = performance.now();
    const renewed = await renewAll(client, names, [token, leaseMs]).catch(() => 'not now');
    if (this.#over) return;
    if (renewed === 0) {
      this.#lose('Redis no longer knows it');
    } else if (renewed === 1) {
      this.#validUntil = this.#limitFrom(askedAt);
      clearTimeout(this.#expiry);
      this.#expiry = this.#armExpiry();
      this.#renewal = this.#armRenewal(leaseMs / 3);
    } else {
      this.#renewal = this.#armRenewal(leaseMs / 10);
    }
  }

  #lose(why: string): void {
    this.#end();
    const message = `the lease was lost: ${why}; whatever it protects is done again`;
    this.#controller.abort(new SyncError({ remedy: 'Retry', reason: 'LeaseLost', message }));
    const { client, names, token, log, released } = this.#options;
    log.warn({ why }, 'a lease was lost');
    giveUpAll(client, names, [token]).catch(() => undefined);
    released();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#expiry);
    clearTimeout(this.#renewal);
  }

  #limitFrom(askedAt: number): number {
    return askedAt + this.#options.leaseMs * 0.9;
  }

  #armExpiry(): NodeJS.Timeout {
    const left = Math.max(0, this.#validUntil - performance.now());
    return setTimeout(() => this.#lose('it could not be renewed in time'), left);
  }

  #armRenewal(ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.#renew(), ms);
  }
}
