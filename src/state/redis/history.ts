import { randomUUID } from 'node:crypto';
import type { Logger } from '../../logging.ts';
import type { StateLoss, StateWatch } from '../contract.ts';
import type { Link } from './connection.ts';
import type { Keys } from './keys.ts';
import { script } from './script.ts';

/** How often the server is asked what it says of itself, in milliseconds; it is also asked after each reconnect. */
const lookEveryMs = 5_000;

/** While keys are evicted all the time, a loss is told at most this often, in milliseconds. */
const evictionApartMs = 300_000;

/** Returns the mark of this history, made by whoever looks first. KEYS: history. ARGV: a new mark. */
const readMark = script(`
local mark = redis.call('GET', KEYS[1])
if not mark then
  mark = ARGV[1]
  redis.call('SET', KEYS[1], mark)
end
return mark
`);

/** What a look finds. */
interface Sight {
  /** Id of the server's process; undefined where a service hides it. */
  readonly server: string | undefined;
  readonly mark: string;
  readonly evicted: number;
  readonly policy: string;
}

export interface HistoryOptions {
  readonly link: Link;
  readonly keys: Keys;
  readonly log: Logger;
  /** Default 5,000. */
  readonly lookEveryMs?: number;
  /** Puts right what a loss may have left in disorder: at the first look, and before anybody is told of a loss. */
  readonly recover?: () => Promise<void>;
}

/**
 * Notices that Redis may have forgotten something it had taken: it is another process than before (restarted, or a replica that
 * took over, either of which may lack the last writes), it is empty, or it throws keys away. `docs/decisions/0017-one-history.md`
 * says why this and no waiting for replicas.
 */
export class History implements StateWatch {
  readonly #options: HistoryOptions;
  readonly #listeners = new Set<(loss: StateLoss) => void>();
  readonly #onReady = () => void this.#look();
  readonly #timer: NodeJS.Timeout;
  #seen: Sight | null = null;
  #evictionToldAt = Number.NEGATIVE_INFINITY;
  #looking = false;
  /** Nothing was put right yet since the first look, or the last loss. */
  #isInDisorder = true;
  #isStuck = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    options.link.client.on('ready', this.#onReady);
    this.#timer = setInterval(() => {
      if (options.link.client.status === 'ready') void this.#look();
    }, options.lookEveryMs ?? lookEveryMs);
    this.#timer.unref();
  }

  whenLost(listener: (loss: StateLoss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  mayEvict(): boolean {
    return this.#seen !== null && this.#seen.policy !== 'noeviction';
  }

  close(): void {
    clearInterval(this.#timer);
    this.#options.link.client.off('ready', this.#onReady);
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    const { link, keys, log } = this.#options;
    if (this.#looking) return;
    this.#looking = true;
    try {
      const asked = Date.now();
      const [time, info, mark] = await link.use('say how it is set up', (client) =>
        Promise.all([client.time(), client.info(), readMark(client, [keys.history], [randomUUID()])]),
      );
      link.clock.set(time as unknown as [number, number], asked, Date.now());
      const loss = this.#compare(sightFrom(info, String(mark)));
      if (loss !== null) this.#isInDisorder = true;
      if (this.#isInDisorder) await this.#recover();
      if (loss !== null) this.#tell(loss);
    } catch (err) {
      log.debug({ err }, 'could not see how Redis is set up');
    } finally {
      this.#looking = false;
    }
  }

  async #recover(): Promise<void> {
    try {
      await this.#options.recover?.();
      this.#isInDisorder = false;
      this.#isStuck = false;
    } catch (err) {
      this.#options.log[this.#isStuck ? 'debug' : 'warn'](
        { err },
        'what Redis may have left in disorder was not put right; trying again',
      );
      this.#isStuck = true;
    }
  }

  #compare(now: Sight): StateLoss | null {
    const before = this.#seen;
    this.#seen = { ...now, evicted: before === null ? now.evicted : this.#evictionsUntil(now, before) };
    if (now.policy !== 'noeviction' && before?.policy !== now.policy) {
      this.#options.log.warn(
        { policy: now.policy },
        'Redis may evict keys when it is full, and with them jobs: set maxmemory-policy noeviction',
      );
    }
    if (before === null) return null;
    if (before.mark !== now.mark) return 'emptied';
    if (before.server !== now.server) return 'another server';
    return this.#seen.evicted > before.evicted ? 'evicted' : null;
  }

  /** How many evictions count as told about; those that come too soon after the last telling are told about later. */
  #evictionsUntil(now: Sight, before: Sight): number {
    if (now.server !== before.server || now.evicted <= before.evicted) return now.evicted;
    if (performance.now() - this.#evictionToldAt < evictionApartMs) return before.evicted;
    this.#evictionToldAt = performance.now();
    return now.evicted;
  }

  #tell(loss: StateLoss): void {
    this.#options.log.warn({ loss }, 'Redis may have lost what it had taken: everything is looked at again');
    for (const listener of [...this.#listeners]) listener(loss);
  }
}

function sightFrom(info: string, mark: string): Sight {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  return {
    server: field('run_id'),
    mark,
    evicted: Number(field('evicted_keys') ?? 0),
    policy: field('maxmemory_policy') ?? 'noeviction',
  };
}
