import { keysOf } from './keys.ts';

/** What connections of ours do: log in, see whether Redis is ready and which node of a cluster is ours, ask whether it is there, listen. */
const connecting = ['auth', 'hello', 'select', 'info', 'ping', 'subscribe', 'time', 'cluster|slots', 'cluster|keyslot'];

/** What BullMQ's scripts and ours do when a job is added, and counting those that wait. */
const adding = [
  ...['eval', 'evalsha', 'get', 'set', 'del', 'exists', 'incr', 'pttl', 'persist', 'pexpire'],
  ...['hget', 'hset', 'hmset', 'hmget', 'hincrby', 'lpush', 'lpos', 'llen'],
  ...['zadd', 'zscore', 'zcard', 'zrange', 'zrevrangebyscore', 'xadd'],
];

/** What else BullMQ's worker, the ledger, the leases, the interest, the deletions and the budgets do. */
const operating = [
  ...['client|setname', 'scan', 'bzpopmin', 'hgetall', 'hdel', 'hexists', 'rpush', 'rpoplpush', 'lrange', 'lrem'],
  ...['smembers', 'sadd', 'srem', 'scard', 'zrem', 'zpopmin', 'zrevrange', 'zrangebyscore', 'zcount'],
  ...['zremrangebyrank', 'zremrangebyscore', 'xtrim', 'publish'],
];

/**
 * The rules of two Redis users (`ACL SETUSER name on >password …`, Redis 7 or later), each the least that its process needs.
 * The webhook's process is the exposed one: it adds jobs and reads the interest; ledger, leases,
 * deletions, budgets and the interest itself are beyond its reach.
 */
export function accessRules(prefix: string): { readonly webhook: string; readonly operator: string } {
  const { root, interest, history } = keysOf(prefix);
  const allow = (commands: readonly string[]) => commands.map((command) => `+${command}`).join(' ');
  const channel = `resetchannels &${interest}`;
  return {
    webhook: [
      `resetkeys ~${root}:jobs:* ~${root}:heard:* ~${history} %R~${interest} ${channel} -@all`,
      allow([...connecting, ...adding]),
    ].join(' '),
    operator: [`resetkeys ~${root}:* ${channel} -@all`, allow([...connecting, ...adding, ...operating])].join(' '),
  };
}
