import type { DeletionLog } from '../contract.ts';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';

/** By how many milliseconds the clocks of two replicas may differ: for so long more is kept than one of them asks for. */
const skewMs = 60_000;

/**
 * Notes all copies, or none when that would make too many. A copy noted twice keeps the later time, whichever replica's
 * clock is ahead. Returns 1 when they are noted, 0 when not.
 *
 * KEYS: the sync's deletions. ARGV: limit, start of the window, now, length of the window, skew, copies.
 */
const admitAll = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2] - ARGV[5])
local added, seen = 0, {}
for index = 6, #ARGV do
  local copy = ARGV[index]
  local time = redis.call('ZSCORE', KEYS[1], copy)
  if not seen[copy] and not (time and tonumber(time) > tonumber(ARGV[2])) then added = added + 1 end
  seen[copy] = true
end
if added > 0 and redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[2], '+inf') + added > tonumber(ARGV[1]) then return 0 end
for copy in pairs(seen) do redis.call('ZADD', KEYS[1], 'GT', ARGV[3], copy) end
redis.call('PEXPIRE', KEYS[1], ARGV[4] + ARGV[5])
return 1
`);

/** Deletions in Redis: whichever replica deletes, all count. They expire by themselves. */
export class RedisDeletionLog implements DeletionLog {
  readonly #link: Link;
  readonly #keys: Keys;

  constructor(options: { link: Link; keys: Keys }) {
    this.#link = options.link;
    this.#keys = options.keys;
  }

  async admit(
    sync: string,
    options: { copies: readonly string[]; limit: number; windowMs: number; now: number },
  ): Promise<boolean> {
    const { copies, limit, windowMs, now } = options;
    const time = this.#link.clock.fromOwn(now);
    const args = [limit, time - windowMs, time, Math.ceil(windowMs), skewMs, ...copies];
    const admitted = await this.#link.use('note deletions', (client) =>
      admitAll(client, [this.#keys.deletionsOf(sync)], args),
    );
    return admitted === 1;
  }

  count(sync: string, { windowMs, now }: { windowMs: number; now: number }): Promise<number> {
    const key = this.#keys.deletionsOf(sync);
    return this.#link.use('count deletions', (client) =>
      client.zcount(key, `(${this.#link.clock.fromOwn(now) - windowMs}`, '+inf'),
    );
  }

  noted(sync: string, { windowMs, now }: { windowMs: number; now: number }): Promise<readonly string[]> {
    const key = this.#keys.deletionsOf(sync);
    return this.#link.use('list deletions', (client) =>
      client.zrangebyscore(key, `(${this.#link.clock.fromOwn(now) - windowMs}`, '+inf'),
    );
  }
}
