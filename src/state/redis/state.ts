import type { Logger } from '../../logging.ts';
import type { LedgerEntry, State, WebhookState } from '../contract.ts';
import { RedisBudgets } from './budgets.ts';
import { Link } from './connection.ts';
import { RedisDeletionLog } from './deletions.ts';
import { History } from './history.ts';
import { RedisInbox } from './inbox.ts';
import { RedisInterestBoard, RedisInterestReader } from './interest.ts';
import { RedisJobs } from './jobs.ts';
import { type Keys, keysOf } from './keys.ts';
import { RedisLeases } from './leases.ts';
import { RedisLedger } from './ledger.ts';
import { openQueue } from './queue.ts';
import { type RedisServer, serverOf } from './server.ts';
import { recoverStranded } from './stranded.ts';

export interface RedisWebhookStateOptions extends RedisServer {
  /** Begins every key, in braces: letters, digits, `-`, `_`. */
  readonly prefix: string;
  readonly log: Logger;
  /** After how many milliseconds without an answer Redis counts as away; default 800. */
  readonly deadlineMs?: number;
  /** How often Redis is asked whether it is still the same, in milliseconds; default 5,000. */
  readonly lookEveryMs?: number;
}

export interface RedisStateOptions extends RedisWebhookStateOptions {
  /** How long a job's lock lasts without renewal, in milliseconds: a crashed process' jobs run elsewhere after that; default 10,000. */
  readonly lockMs?: number;
  /** How often abandoned jobs are looked for, in milliseconds; default 3,000. */
  readonly stalledMs?: number;
  /** How long a lease lasts without renewal, in milliseconds; default 8,000. */
  readonly leaseMs?: number;
  /** How often, in milliseconds, a lease that another process holds is asked for; default 25. */
  readonly pollMs?: number;
  /** How long a closing consumer waits, in milliseconds, for runs that it aborted; default 1,000. */
  readonly abortGraceMs?: number;
  /** How many dead letters are kept, for at most seven days; default 5,000. */
  readonly deadLetters?: number;
}

/** The operator's state in Redis. Returns at once; until Redis is there, everything asked of it fails within a second. */
export function createRedisState<Entry extends LedgerEntry>(options: RedisStateOptions): State<Entry> {
  const { log, deadlineMs = 800, deadLetters = 5000 } = options;
  const { lockMs = 10_000, stalledMs = 3_000, abortGraceMs = 1000, leaseMs = 8_000, pollMs = 25 } = options;
  const server = serverOf(options);
  const keys = keysOf(options.prefix);
  const link = new Link(server, { deadlineMs, log });
  const queue = openQueue({ link, keys, log });
  const timings = { lockMs, stalledMs, abortGraceMs };
  const jobs = new RedisJobs({ server, link, queue, keys, timings, deadLetters, log });
  const interest = new RedisInterestBoard({ server, link, keys, log });
  const leases = new RedisLeases({ link, keys, leaseMs, pollMs, log });
  const budgets = new RedisBudgets({ link, keys });
  const watch = watchHistory({ link, keys, options, recover: () => recover({ link, keys, log }) });

  return {
    jobs,
    interest,
    leases,
    budgets,
    watch,
    deletions: new RedisDeletionLog({ link, keys }),
    ledger: new RedisLedger<Entry>({ link, keys }),
    ping: () => ping(link),
    async close() {
      await Promise.all([jobs.close(), interest.close()]);
      watch.close();
      leases.close();
      budgets.close();
      await queue.close();
      await link.close();
    },
  };
}

/** The webhook's state in Redis: what its user needs there is in `access.ts`. */
export function createRedisWebhookState(options: RedisWebhookStateOptions): WebhookState {
  const { log, deadlineMs = 800 } = options;
  const server = serverOf(options);
  const keys = keysOf(options.prefix);
  const link = new Link(server, { deadlineMs, log });
  const queue = openQueue({ link, keys, log });
  const interest = new RedisInterestReader({ server, link, keys, log });
  const watch = watchHistory({ link, keys, options });

  return {
    inbox: new RedisInbox({ link, queue, keys }),
    interest,
    watch,
    ping: () => ping(link),
    async close() {
      watch.close();
      await interest.close();
      await queue.close();
      await link.close();
    },
  };
}

async function ping(link: Link): Promise<void> {
  await link.use('answer', (client) => client.ping());
}

/** The operator's part: a webhook may not look through keys. */
async function recover({ link, keys, log }: { link: Link; keys: Keys; log: Logger }): Promise<void> {
  const found = await recoverStranded({ link, keys });
  if (found > 0) log.warn({ jobs: found }, 'jobs that Redis had lost from its lists are run after all');
}

function watchHistory(parts: {
  readonly link: Link;
  readonly keys: Keys;
  readonly options: RedisWebhookStateOptions;
  readonly recover?: () => Promise<void>;
}): History {
  const { options, ...others } = parts;
  const { log, lookEveryMs } = options;
  return new History({ ...others, log, ...(lookEveryMs === undefined ? {} : { lookEveryMs }) });
}
