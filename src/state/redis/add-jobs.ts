import type { Queue } from 'bullmq';
import { addStandardJob } from 'bullmq/dist/esm/scripts/addStandardJob-9.js';
import type { Redis } from 'ioredis';
import type { Heard, Job } from '../contract.ts';
import { keptMs } from './job-scripts.ts';
import type { Keys } from './keys.ts';
import { type JobData, jobOptions } from './queue.ts';
import { script } from './script.ts';

export interface AddedJob {
  /** Of the job's key. */
  readonly id: string;
  readonly job: Job;
  readonly heard: Heard | null;
  /** More than 0: it is not added here, but what was heard of it is raised. */
  readonly delayMs: number;
}

/** The keys that BullMQ's script is told, in its order. */
const keysTold = ['wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active', 'events', 'marker'];

/**
 * Raises what was heard of a key: `version` and `at` never go down, `lowest` never up; `asked` counts how often a run at once
 * was asked for. An empty text stands for what was not told.
 */
const raiseHeard = `
local function note(news, field, value)
  news[#news + 1] = field
  news[#news + 1] = value
end
local function raiseHeard(key, asked, version, versionAt, lowest, at, kept)
  local known = redis.call('HMGET', key, 'asked', 'version', 'versionAt', 'lowest', 'at')
  local news = { 'asked', tonumber(known[1] or '0') + tonumber(asked) }
  if version ~= '' then
    local told, highest = tonumber(version), tonumber(known[2] or '-1')
    if told > highest or (told == highest and tonumber(versionAt) < tonumber(known[3])) then
      note(news, 'version', version)
      note(news, 'versionAt', versionAt)
    end
    if not known[4] or tonumber(lowest) < tonumber(known[4]) then note(news, 'lowest', lowest) end
  end
  if at ~= '' and tonumber(at) > tonumber(known[5] or '-1') then note(news, 'at', at) end
  redis.call('HSET', key, unpack(news))
  redis.call('PEXPIRE', key, kept)
end
`;

/**
 * Takes many jobs: of each it raises what was heard, and then adds it as BullMQ would, by BullMQ's own script, of which it
 * makes a function. That script unpacks what it is told; here it is told it unpacked (docs/decisions/0018-many-jobs-in-one-call.md).
 *
 * KEYS: `keysTold`. ARGV: how long to keep what was heard, the time now (both in milliseconds), how the keys of what was heard, of
 * jobs and of holders begin, BullMQ's options of a job as JSON; then for each job its id, 1 if it is to run at once (0: it is not
 * added), version, when that was told, lowest version, at, name, data.
 */
const addMany = script(`${raiseHeard}
local function add(KEYS, ARGV, cmsgpack)
${addStandardJob.content}
end
local asTold = { unpack = function(told) return told end }
local kept, now, heard, job, holder, options = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], cjson.decode(ARGV[6])
for first = 7, #ARGV, 8 do
  local id, asked, version, versionAt, lowest, at, name, data = unpack(ARGV, first, first + 7)
  raiseHeard(heard .. id, asked, version, versionAt, lowest, at, kept)
  if asked == '1' then
    options.de.id = id
    add(KEYS, { { job, '', name, now, nil, nil, nil, nil, holder .. id }, data, options }, asTold)
  end
end
`);

/**
 * Has Redis take jobs in one call, all of them or none: what was heard of each is raised, and those that are to run at once are added.
 * Some 25 µs of Redis' time for each, during which it does nothing else. `now`: Unix time in milliseconds, by the clock of Redis.
 */
export async function addJobs(
  client: Redis,
  jobs: readonly AddedJob[],
  { queue, keys, now }: { queue: Queue<JobData>; keys: Keys; now: number },
): Promise<void> {
  const told = keysTold.map((type) => queue.toKey(type));
  const args = [keptMs, now, keys.heard(''), queue.toKey(''), keys.holder(''), bullOptions(now)];
  for (const { id, job, heard, delayMs } of jobs) {
    const { version = null, at = '' } = heard ?? {};
    args.push(id, delayMs > 0 ? 0 : 1);
    if (version === null) args.push('', '', '', at);
    else args.push(version, heard?.versionAt ?? at, heard?.lowest ?? version, at);
    args.push(job.kind, JSON.stringify({ job } satisfies JobData));
  }
  await addMany(client, told, args);
}

/** The options of a job that is to run at once, as BullMQ tells them to its scripts; each job's id is filled in there. */
function bullOptions(now: number): string {
  const { deduplication, ...others } = jobOptions('', { delayMs: 0, now });
  return JSON.stringify({ ...others, de: deduplication });
}
