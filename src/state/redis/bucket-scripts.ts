import { bucketRules } from '../bucket-rules.ts';
import { script } from './script.ts';

/** How long a bucket that fills very slowly is kept, in milliseconds; after that it counts as full. */
const longestKeptMs = 7 * 24 * 3600 * 1000;

/**
 * A token bucket, as in `memory/bucket.ts`, whose comments hold here too: both say the same, and a test lets both do the same things
 * and compares. `open` reads it as of `now`, in milliseconds; when the clock was set back (or is another server's), no time has passed.
 * A bucket that is not there is full: it expires when it would be.
 */
const bucket = `
local recovery, longestPause = ${bucketRules.recoveryMs}, ${bucketRules.longestPauseMs}

local function shareAt(bucket, time)
  return math.min(1, bucket.share + math.max(0, time - bucket.from) / recovery)
end
local function capacity(bucket)
  return math.max(math.min(bucket.burst, 2), bucket.burst * shareAt(bucket, bucket.at))
end
local function gain(bucket, start, ms)
  local share = shareAt(bucket, start)
  local growing = math.min(ms, (1 - share) * recovery)
  return bucket.perMs * (share * growing + growing * growing / (2 * recovery) + (ms - growing))
end
local function msUntil(bucket, missing)
  local start = math.max(bucket.at, bucket.from)
  local share = shareAt(bucket, start)
  local untilFull = (1 - share) * recovery
  local ms = recovery * (math.sqrt(share * share + 2 * missing / (bucket.perMs * recovery)) - share)
  if ms > untilFull then ms = untilFull + (missing - gain(bucket, start, untilFull)) / bucket.perMs end
  return start - bucket.at + ms
end
local function batchOf(needed, batch, room)
  return math.max(1, math.floor(math.min(needed, batch, room)))
end

local function open(key, now, perSecond, burst)
  local bucket = {perMs = perSecond / 1000, burst = math.max(1, burst)}
  local kept = redis.call('HMGET', key, 'tokens', 'at', 'share', 'from', 'halved')
  if not kept[1] then
    bucket.tokens, bucket.at, bucket.share, bucket.from, bucket.halved = bucket.burst, now, 1, now, 0
    return bucket
  end
  local setBack = math.max(0, kept[2] - now)
  bucket.share = tonumber(kept[3])
  bucket.from = kept[4] - setBack
  bucket.halved = kept[5] - setBack
  bucket.at = now
  local start = math.max(kept[2] - setBack, bucket.from)
  local gained = 0
  if now > start then gained = gain(bucket, start, now - start) end
  bucket.tokens = math.min(capacity(bucket), tonumber(kept[1]) + gained)
  return bucket
end
local function keep(key, bucket)
  local exact = function(number) return string.format('%.17g', number) end
  redis.call('HSET', key, 'tokens', exact(bucket.tokens), 'at', exact(bucket.at), 'share', exact(bucket.share),
    'from', exact(bucket.from), 'halved', exact(bucket.halved))
  local untilFull = math.max(0, bucket.from - bucket.at) + recovery + bucket.burst / bucket.perMs
  redis.call('PEXPIRE', key, string.format('%.0f', math.min(untilFull, ${longestKeptMs})))
end
`;

/** The time of Redis itself: one clock for all. */
const redisTime = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** A time that the caller tells as its last argument: for tests. */
const toldTime = `
local now = tonumber(ARGV[#ARGV])
`;

/**
 * Gives to events, then to backfill and what is taken ahead, down to the reserve. Returns how many of each, and how many milliseconds to
 * wait for more.
 *
 * KEYS: the bucket. ARGV: calls a second, burst, events, backfill, ahead, milliseconds of a batch.
 */
const take = `
local events, backfill, ahead = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local bucket = open(KEYS[1], now, tonumber(ARGV[1]), tonumber(ARGV[2]))
local forEvents = math.min(events, math.floor(bucket.tokens))
bucket.tokens = bucket.tokens - forEvents
local room = capacity(bucket)
local reserved = math.min(math.max(1, room * ${bucketRules.reserve}), room - 1)
local free = math.max(0, math.floor(bucket.tokens - reserved))
local forBackfill = math.min(backfill, free)
local forAhead = math.min(ahead, free - forBackfill)
bucket.tokens = bucket.tokens - (forBackfill + forAhead)

local batch = bucket.perMs * shareAt(bucket, now) * ARGV[6]
local missing = 0
if forEvents < events then
  missing = batchOf(events - forEvents, batch, room) - bucket.tokens
elseif forBackfill < backfill then
  missing = reserved + batchOf(backfill - forBackfill + ahead, batch, room - reserved) - bucket.tokens
end
local wait = 0
if missing ~= 0 then wait = math.min(longestPause, math.max(1, math.ceil(msUntil(bucket, missing)))) end
keep(KEYS[1], bucket)
return {forEvents, forBackfill, forAhead, wait}
`;

/** KEYS: the bucket. ARGV: calls a second, burst, milliseconds for which it gives nothing. */
const slowDown = `
local bucket = open(KEYS[1], now, tonumber(ARGV[1]), tonumber(ARGV[2]))
bucket.share = shareAt(bucket, now)
if now - bucket.halved >= ${bucketRules.incidentMs} and now >= bucket.from then
  bucket.share = math.max(${bucketRules.lowestShare}, bucket.share / 2)
  bucket.halved = now
end
bucket.from = math.max(bucket.from, now + math.min(tonumber(ARGV[3]), longestPause))
bucket.tokens = 0
keep(KEYS[1], bucket)
return 1
`;

export const takeCalls = script(`${redisTime}${bucket}${take}`);
export const slowDownCalls = script(`${redisTime}${bucket}${slowDown}`);

/** The same by a clock that the caller holds: for tests. */
export const byToldTime = {
  takeCalls: script(`${toldTime}${bucket}${take}`),
  slowDownCalls: script(`${toldTime}${bucket}${slowDown}`),
};
