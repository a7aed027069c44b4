import { Ahead } from './ahead.ts';
import type { Clock } from './clock.ts';
import type { Rate } from './contract.ts';
import { stateClosed } from './failures.ts';

/** What a process asks of a bucket, for all that wait in it. */
export interface Wanted {
  readonly rate: Rate;
  readonly events: number;
  readonly backfill: number;
  /** Calls that nobody waits for yet. */
  readonly ahead: number;
  /** Who has to wait anyway waits for up to this many milliseconds' worth of calls at a time. */
  readonly batchMs: number;
}

/** What the bucket gave. */
export interface Served {
  readonly events: number;
  readonly backfill: number;
  readonly ahead: number;
  /** Milliseconds until it pays to ask again; 0 when all who wait were served. */
  readonly waitMs: number;
}

export interface WaitingLineOptions {
  readonly ask: (wanted: Wanted) => Served | Promise<Served>;
  readonly clock: Clock;
  /** How many milliseconds' worth of calls are asked for at a time, and how long those taken ahead last; 0 = none ahead. */
  readonly batchMs: number;
  /** The bucket is asked again after this many milliseconds, even if it said to wait longer. */
  readonly longestNapMs: number;
  /** Up to how many milliseconds to sleep longer than the bucket said, so that processes do not ask in step. */
  readonly spreadMs: number;
}

interface Waiter {
  readonly serve: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Those of one process that wait for calls from one bucket: events in order of arrival, then backfill in order of arrival. However
 * many wait, one asks for all of them, and sleeps as long as the bucket says when there is not enough. Between processes, those
 * that came away with nothing sleep more exactly each time than those that were served, so that none is passed over for ever.
 */
export class WaitingLine {
  readonly #options: WaitingLineOptions;
  readonly #events = new Set<Waiter>();
  readonly #backfill = new Set<Waiter>();
  readonly #ahead: Ahead;
  #rate: Rate = { perSecond: 1, burst: 1 };
  #serving = false;
  /** How often in a row the bucket gave nothing. */
  #refused = 0;
  /** The first event has come while the bucket was asked for backfill only. */
  #urgent = false;
  /** Ends the sleep. */
  #wake: () => void = () => undefined;

  constructor(options: WaitingLineOptions) {
    this.#options = options;
    this.#ahead = new Ahead(options.clock, options.batchMs);
  }

  async take(options: { rate: Rate; backfill: boolean; signal: AbortSignal }): Promise<void> {
    options.signal.throwIfAborted();
    this.#rate = options.rate;
    if (this.#length === 0 && this.#ahead.use()) return;
    await this.#wait(options);
  }

  /** The store said to slow down. */
  forgetAhead(): void {
    this.#ahead.forget();
  }

  close(): void {
    this.#ahead.forget();
    this.#refuseAll(stateClosed());
    this.#wake();
  }

  get #length(): number {
    return this.#events.size + this.#backfill.size;
  }

  #wait({ backfill, signal }: { backfill: boolean; signal: AbortSignal }): Promise<void> {
    const line = backfill ? this.#backfill : this.#events;
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.delete(waiter);
        signal.removeEventListener('abort', giveUp);
      };
      const giveUp = () => {
        waiter.refuse(signal.reason);
        if (this.#length === 0) this.#wake();
      };
      const waiter: Waiter = {
        serve() {
          leave();
          resolve();
        },
        refuse(error) {
          leave();
          reject(error);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      if (!backfill && line.size === 0) {
        this.#urgent = true;
        this.#wake();
      }
      line.add(waiter);
      if (!this.#serving) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    try {
      while (this.#length > 0) await this.#nap(await this.#serveOnce());
    } catch (error) {
      this.#refuseAll(error);
    } finally {
      this.#serving = false;
    }
  }

  /** Returns how many milliseconds to wait before asking again. */
  async #serveOnce(): Promise<number> {
    const { ask, batchMs, clock } = this.#options;
    const rate = this.#rate;
    const askedAt = clock.now();
    this.#urgent = false;
    const wanted = {
      events: this.#events.size,
      backfill: this.#backfill.size,
      ahead: this.#ahead.wanted(rate.perSecond),
    };
    const { events, backfill, ahead, waitMs } = await ask({ ...wanted, rate, batchMs });
    this.#ahead.noteCalls(events + backfill);
    this.#ahead.keep(ahead, askedAt);
    // Meant for those who have given up in the meantime, a call is forgotten: it may have come out of the reserve.
    serveFirst(this.#events, events);
    serveFirst(this.#backfill, backfill);
    this.#refused = events + backfill > 0 ? 0 : this.#refused + 1;
    return events < wanted.events || backfill < wanted.backfill ? Math.max(1, waitMs) : 0;
  }

  async #nap(waitMs: number): Promise<void> {
    if (waitMs === 0 || this.#urgent || this.#length === 0) return;
    const { clock, longestNapMs, spreadMs } = this.#options;
    const longer = (Math.random() * Math.min(waitMs, spreadMs)) / (1 + this.#refused);
    await new Promise<void>((resolve) => {
      const cancel = clock.after(Math.min(waitMs + longer, longestNapMs), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  #refuseAll(error: unknown): void {
    for (const waiter of [...this.#events, ...this.#backfill]) waiter.refuse(error);
  }
}

function serveFirst(line: Set<Waiter>, count: number): void {
  let left = count;
  for (const waiter of line) {
    if (left === 0) return;
    left -= 1;
    waiter.serve();
  }
}
