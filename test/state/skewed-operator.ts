import { createInterface } from 'node:readline';
import { createLogger } from '../../src/logging.ts';
import { createRedisState } from '../../src/state/redis/state.ts';

/**
 * A process whose clock is off by so many milliseconds. It tries each job twice, half a second apart, and says when. Jobs that it
 * reads, one a line, it adds.
 */
const [url = '', prefix = '', skewMs = '0'] = process.argv.slice(2);
const realNow = Date.now;
Date.now = () => realNow() + Number(skewMs);

const log = createLogger({ level: 'silent' });
const state = createRedisState({ url, prefix, log, deadlineMs: 10_000, lookEveryMs: 100 });
await state.ping();
state.jobs.consume({
  concurrency: 1,
  run: async ({ job, attempt }) => {
    process.stdout.write(`${JSON.stringify({ job, attempt, at: realNow() })}\n`);
    return attempt === 1
      ? { outcome: 'retry', delayMs: 500, reason: 'not yet', countsAsAttempt: true }
      : { outcome: 'done' };
  },
});
createInterface(process.stdin)
  .on('line', (line) => void state.jobs.add([{ job: JSON.parse(line) }]))
  .on('close', () => process.exit());
