import type { CopyCounts, Ledger, LedgerEntry } from '../contract.ts';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';

/** How many copies are read or forgotten at a time. */
const pageSize = 500;

/**
 * `drop` takes a copy out: its entry, its place in the sync's list, its count. The keys of a sync are told by what comes
 * before the sync's name, since only the entry says which sync that is; the hash tag keeps them in one slot.
 */
const drop = `
local function count(prefix, entry, by)
  local key = prefix .. entry['sync']
  local field = cjson.encode({entry['destination'], entry['state']})
  if redis.call('HINCRBY', key, field, by) <= 0 then redis.call('HDEL', key, field) end
end
local function drop(copies, copiesOf, countsOf, unwellOf, copy)
  local stored = redis.call('HGET', copies, copy)
  if not stored then return end
  local entry = cjson.decode(stored)
  redis.call('HDEL', copies, copy)
  redis.call('ZREM', copiesOf .. entry['sync'], copy)
  redis.call('ZREM', unwellOf .. entry['sync'], copy)
  count(countsOf, entry, -1)
end
`;

/** KEYS: copies. ARGV: what comes before a sync's name in the keys of its list, its counters and its unwell, copy, entry. */
const recordEntry = script(`${drop}
drop(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
local entry = cjson.decode(ARGV[5])
redis.call('HSET', KEYS[1], ARGV[4], ARGV[5])
redis.call('ZADD', ARGV[1] .. entry['sync'], 0, ARGV[4])
if entry['unwell'] then redis.call('ZADD', ARGV[3] .. entry['sync'], 0, ARGV[4]) end
count(ARGV[2], entry, 1)
`);

/** KEYS: copies. ARGV: as above, without the entry. */
const forgetEntry = script(`${drop}
drop(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
`);

/**
 * Forgets a page of a sync's copies; when none is left, the sync. Returns how many there were.
 *
 * KEYS: copies, the sync's list, counters, facts and unwell. ARGV: as above without the copy, size of the page.
 */
const forgetPage = script(`${drop}
local page = redis.call('ZRANGE', KEYS[2], 0, ARGV[4] - 1)
for _, copy in ipairs(page) do
  drop(KEYS[1], ARGV[1], ARGV[2], ARGV[3], copy)
  redis.call('ZREM', KEYS[2], copy)
end
if #page == 0 then redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5]) end
return #page
`);

/** What was done, in Redis. */
export class RedisLedger<Entry extends LedgerEntry> implements Ledger<Entry> {
  readonly #link: Link;
  readonly #keys: Keys;

  constructor(options: { link: Link; keys: Keys }) {
    this.#link = options.link;
    this.#keys = options.keys;
  }

  async get(copies: readonly string[]): Promise<(Entry | null)[]> {
    if (copies.length === 0) return [];
    const stored = await this.#link.use('read the ledger', (client) => client.hmget(this.#keys.copies, ...copies));
    return stored.map((text) => (text === null ? null : (JSON.parse(text) as Entry)));
  }

  async record(copy: string, entry: Entry): Promise<void> {
    const args = [...this.#beforeNames(), copy, JSON.stringify(entry)];
    await this.#link.use('write the ledger', (client) => recordEntry(client, [this.#keys.copies], args));
  }

  async forget(copy: string): Promise<void> {
    const args = [...this.#beforeNames(), copy];
    await this.#link.use('write the ledger', (client) => forgetEntry(client, [this.#keys.copies], args));
  }

  ofSync(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    return this.#listed(sync, this.#keys.copiesOf(sync));
  }

  unwellOf(sync: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    return this.#listed(sync, this.#keys.unwellOf(sync));
  }

  /** What a list of copies names and is this sync's, page by page. */
  async *#listed(sync: string, key: string): AsyncGenerator<{ readonly copy: string; readonly entry: Entry }> {
    for (let after = '-'; ; ) {
      const from = after;
      const page = await this.#link.use('list the ledger', (client) =>
        client.zrange(key, from, '+', 'BYLEX', 'LIMIT', 0, pageSize),
      );
      const entries = await this.get(page);
      for (const [index, copy] of page.entries()) {
        const entry = entries[index];
        // What was forgotten or handed over in the meantime is not this sync's any more.
        if (entry?.sync === sync) yield { copy, entry };
      }
      if (page.length < pageSize) return;
      after = `(${page.at(-1)}`;
    }
  }

  async counts(sync: string): Promise<CopyCounts> {
    const stored = await this.#link.use('read the ledger', (client) => client.hgetall(this.#keys.countsOf(sync)));
    const counts = new Map<string, [string, number][]>();
    for (const [field, count] of Object.entries(stored)) {
      const [destination, state] = JSON.parse(field) as [string, string];
      counts.set(destination, [...(counts.get(destination) ?? []), [state, Number(count)]]);
    }
    return Object.fromEntries([...counts].map(([destination, states]) => [destination, Object.fromEntries(states)]));
  }

  recall(sync: string, fact: string): Promise<string | null> {
    return this.#link.use('read the ledger', (client) => client.hget(this.#keys.factsOf(sync), fact));
  }

  async remember(sync: string, fact: string, value: string): Promise<void> {
    await this.#link.use('write the ledger', (client) => client.hset(this.#keys.factsOf(sync), fact, value));
  }

  async forgetSync(sync: string): Promise<void> {
    const { copies, copiesOf, countsOf, factsOf, unwellOf } = this.#keys;
    const keys = [copies, copiesOf(sync), countsOf(sync), factsOf(sync), unwellOf(sync)];
    const args = [...this.#beforeNames(), pageSize];
    for (let forgotten: unknown = 1; forgotten !== 0; ) {
      forgotten = await this.#link.use('write the ledger', (client) => forgetPage(client, keys, args));
    }
  }

  #beforeNames(): [string, string, string] {
    return [this.#keys.copiesOf(''), this.#keys.countsOf(''), this.#keys.unwellOf('')];
  }
}
