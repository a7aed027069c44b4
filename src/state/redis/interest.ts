import type { Redis } from 'ioredis';
import type { Logger } from '../../logging.ts';
import type { Interest, InterestBoard, InterestReader } from '../contract.ts';
import { connect, disconnect, type Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';
import type { RedisServer } from './server.ts';

/** How often a connection that only listens is tried, in milliseconds: one that is half open says nothing by itself. */
const pingMs = 10_000;

/**
 * Publishes with the next revision. It is never below the time, so that it also grows after Redis lost everything.
 *
 * KEYS: interest. ARGV: format, Unix time in milliseconds, document. Returns the revision.
 */
const publish = script(`
local last = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
local revision = string.format('%.0f', math.max(last + 1, tonumber(ARGV[2])))
redis.call('HSET', KEYS[1], 'format', ARGV[1], 'revision', revision, 'document', ARGV[3])
redis.call('PUBLISH', KEYS[1], revision)
return revision
`);

export interface RedisInterestOptions {
  readonly server: RedisServer;
  readonly link: Link;
  readonly keys: Keys;
  readonly log: Logger;
}

export class RedisInterestReader implements InterestReader {
  readonly #options: RedisInterestOptions;
  readonly #watchers = new Set<() => void>();
  #ear: Ear | undefined;

  constructor(options: RedisInterestOptions) {
    this.#options = options;
  }

  async read(): Promise<Interest | null> {
    const { link, keys } = this.#options;
    const [format, revision, document] = await link.use('read the interest', (client) =>
      client.hmget(keys.interest, 'format', 'revision', 'document'),
    );
    return format === '1' && document ? parseInterest(Number(revision), document) : null;
  }

  /** Never waits for Redis: as soon as it listens, and again after each reconnect, it calls back once. */
  async watch(changed: () => void): Promise<() => Promise<void>> {
    const watcher = () => changed();
    this.#watchers.add(watcher);
    this.#ear ??= new Ear(this.#options, () => {
      for (const each of [...this.#watchers]) each();
    });
    return async () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) await this.close();
    };
  }

  async close(): Promise<void> {
    this.#watchers.clear();
    const ear = this.#ear;
    this.#ear = undefined;
    await ear?.close();
  }
}

export class RedisInterestBoard extends RedisInterestReader implements InterestBoard {
  readonly #link: Link;
  readonly #keys: Keys;

  constructor(options: RedisInterestOptions) {
    super(options);
    this.#link = options.link;
    this.#keys = options.keys;
  }

  async publish({ entries, kvVersions }: Omit<Interest, 'format' | 'revision'>): Promise<number> {
    const args = [1, Date.now(), JSON.stringify({ entries, kvVersions })];
    const revision = await this.#link.use('take the interest', (client) =>
      publish(client, [this.#keys.interest], args),
    );
    return Number(revision);
  }
}

/** A connection that listens to publications. */
class Ear {
  readonly #client: Redis;
  readonly #ping: NodeJS.Timeout;

  constructor({ server, keys, log }: RedisInterestOptions, heard: () => void) {
    this.#client = connect(server, { manner: 'listening', deadlineMs: 0, log });
    this.#client.on('message', heard);
    this.#client.on('ready', () => {
      this.#client
        .subscribe(keys.interest)
        .then(heard)
        .catch((err: unknown) => {
          log.warn({ err }, 'cannot listen to publications of the interest; trying again');
          this.#client.disconnect(true);
        });
    });
    this.#ping = setInterval(() => {
      if (this.#client.status === 'ready') this.#client.ping().catch(() => undefined);
    }, pingMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#ping);
    await disconnect(this.#client);
  }
}

/** Null when the text is not what format 1 says: better no interest, and everything queued, than a wrong one. */
function parseInterest(revision: number, document: string): Interest | null {
  try {
    const { entries, kvVersions } = JSON.parse(document) as Partial<Interest>;
    if (!Array.isArray(entries) || typeof kvVersions !== 'object' || kvVersions === null) return null;
    return { format: 1, revision, entries, kvVersions };
  } catch {
    return null;
  }
}
