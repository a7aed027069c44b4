import { script } from './script.ts';

/** How long what was heard and the way to a dead letter are kept after the last use, in milliseconds: seven days. */
export const keptMs = 7 * 24 * 3600 * 1000;

/** Makes a delayed job due earlier. What BullMQ's marker does is wake a worker; its member "1" stands for delayed jobs. */
const hasten = `
local function hasten(delayed, marker, id, at)
  if redis.call('ZADD', delayed, 'XX', 'LT', 'CH', at * 4096, id) == 1 then
    redis.call('ZADD', marker, 'LT', at, '1')
    return true
  end
  return false
end
`;

/**
 * Coalesces a job that is to wait with one that waits already: the earlier time counts. Returns 1 when that was all,
 * 0 when the job still has to be added.
 *
 * KEYS: holder, next, delayed, active, marker. ARGV: delay and now in milliseconds, what comes before a job's id in its key.
 */
export const coalesceLater = script(`${hasten}
local delay = tonumber(ARGV[1])
local stored = redis.call('HGET', KEYS[2], 'opts')
if stored and (cjson.decode(stored)['delay'] or 0) <= delay then return 1 end
local id = redis.call('GET', KEYS[1])
if not id or redis.call('EXISTS', ARGV[3] .. id) == 0 then return 0 end
if redis.call('ZSCORE', KEYS[3], id) then
  hasten(KEYS[3], KEYS[5], id, tonumber(ARGV[2]) + delay)
  return 1
end
if redis.call('LPOS', KEYS[4], id) then return 0 end
return 1
`);

/**
 * What a run has to know when it begins: [asked, version, when it was told, lowest version, at, id of the dead letter that this run
 * makes obsolete].
 *
 * KEYS: heard, letter.
 */
export const beginRun = script(`
local heard = redis.call('HMGET', KEYS[1], 'asked', 'version', 'versionAt', 'lowest', 'at')
local letter = redis.call('GET', KEYS[2])
if letter then redis.call('DEL', KEYS[2]) end
return {heard[1] or '0', heard[2] or '', heard[3] or '', heard[4] or '', heard[5] or '', letter or ''}
`);

/**
 * After BullMQ has settled a run. If a run was asked for since the run began, at once or for a time before this run's
 * back-off ends, the key's job must not wait longer than that: neither for the back-off, nor for a later job that took an event's
 * place as the one more run. That run now serves the one stored as well. If nothing was asked for and the key is done with, what was heard
 * is forgotten.
 * Must come after BullMQ's own step: only then does no add go into the one more run any longer.
 *
 * KEYS: heard, holder, next, delayed, marker. ARGV: `asked` when the run began, 1 if it was the last run.
 */
export const settleRun = script(`${hasten}
local due = nil
if (redis.call('HGET', KEYS[1], 'asked') or '0') ~= ARGV[1] then
  due = 0
else
  local stored = redis.call('HGET', KEYS[3], 'opts')
  if stored then
    local opts = cjson.decode(stored)
    local delay = opts['delay'] or 0
    due = delay > 0 and (opts['timestamp'] or 0) + delay or 0
  end
end
local id = redis.call('GET', KEYS[2])
if due then
  if id and hasten(KEYS[4], KEYS[5], id, due) then redis.call('DEL', KEYS[3]) end
elseif ARGV[2] == '1' and not id then
  redis.call('DEL', KEYS[1])
end
`);
