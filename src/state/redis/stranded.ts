import type { Redis } from 'ioredis';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';

/** Keys that Redis looks at in one call, some milliseconds of its time. */
const keysAtOnce = 1_000;

/**
 * Redis that evicts may throw away a list that jobs wait in, or the counter of their numbers, and keep the jobs. BullMQ takes
 * a job that is nowhere for one that waits, and lets whatever is added under its key go into it: nothing would ever run
 * under that key again.
 *
 * Such a job goes where those stand whose process died: they are run as soon as their lock is over. A key whose job is gone, or
 * has become another one, is set free: what it stood for is found by the reconcile that follows a loss. Returns how many there were.
 *
 * KEYS: wait, paused, delayed, active, id, then holders. ARGV: how the keys of jobs and of holders begin.
 */
const recoverHeld = script(`
local listed = {}
for _, list in ipairs({ KEYS[1], KEYS[2], KEYS[4] }) do
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do listed[id] = true end
end
local counter, highest, found = tonumber(redis.call('GET', KEYS[5]) or '0'), 0, 0
for at = 6, #KEYS do
  local id = redis.call('GET', KEYS[at])
  local key = id and redis.call('HGET', ARGV[1] .. id, 'deid')
  if id and (not key or ARGV[2] .. key ~= KEYS[at]) then
    redis.call('DEL', KEYS[at])
    found = found + 1
  elseif id and not listed[id] and not redis.call('ZSCORE', KEYS[3], id) then
    redis.call('RPUSH', KEYS[4], id)
    listed[id] = true
    found = found + 1
  end
  highest = math.max(highest, tonumber(id or '0') or 0)
end
if highest > counter then redis.call('SET', KEYS[5], string.format('%.0f', highest)) end
return found
`);

/**
 * Looks through the keys that hold a job, and recovers those of which the queue does not know any more. Returns how many there were.
 * @throws SyncError `Retry` when Redis does not answer; what was recovered until then stays so
 */
export async function recoverStranded({ link, keys }: { link: Link; keys: Keys }): Promise<number> {
  let found = 0;
  let cursor = '0';
  do {
    cursor = await link.use('look for jobs that are nowhere', async (client) => {
      const [next, holders] = await client.scan(cursor, 'MATCH', keys.holder('*'), 'COUNT', keysAtOnce);
      if (holders.length > 0) found += await recover(client, keys, holders);
      return next;
    });
  } while (cursor !== '0');
  return found;
}

async function recover(client: Redis, keys: Keys, holders: readonly string[]): Promise<number> {
  const lists = [
    keys.queue('wait'),
    keys.queue('paused'),
    keys.queue('delayed'),
    keys.queue('active'),
    keys.queue('id'),
  ];
  return Number(await recoverHeld(client, [...lists, ...holders], [keys.queue(''), keys.holder('')]));
}
