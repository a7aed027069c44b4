import { redisState } from './redis-world.ts';

/** A process that takes a job, says so, and never ends it: `hanging-consumer.ts URL PREFIX`. */
const [url = '', prefix = ''] = process.argv.slice(2);

redisState({ url, prefix }).jobs.consume({
  concurrency: 1,
  run: () => {
    console.log('running');
    return new Promise(() => undefined);
  },
});
