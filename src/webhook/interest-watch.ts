import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Metrics } from '../metrics.ts';
import type { InterestReader } from '../state/contract.ts';
import { type Clock, withDeadline } from './clock.ts';
import { type InterestIndex, indexInSteps } from './interest-index.ts';
import type { Notify } from './notices.ts';

const readWithinMs = 900;
const tryAgainMs = 1_000;

/** Follows the published interest. */
export interface InterestWatch {
  /** The last good index; null while no document of a known format was published. */
  current(): InterestIndex | null;
  /** The interest was read at least once, be it that there is none. */
  hasRead(): boolean;
  close(): Promise<void>;
}

/**
 * Reads the interest, then follows each publication. While it cannot be read the last good index stays; without an
 * answer at the start it goes on trying in the background.
 */
export async function watchInterest(options: {
  readonly reader: InterestReader;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly onRevision: (index: InterestIndex) => void;
}): Promise<InterestWatch> {
  const { reader, metrics, clock, notify, onRevision } = options;
  let index: InterestIndex | null = null;
  let hasRead = false;
  let closed = false;
  let cancelRetry = (): void => undefined;
  let endWatch: (() => Promise<void>) | null = null;
  let reading: Promise<void> | null = null;
  let readAgain = false;

  const readOnce = async (): Promise<void> => {
    const interest = await withDeadline({ work: reader.read(), ms: readWithinMs, clock });
    if (closed) return;
    hasRead = true;
    metrics.interestMissing.set(interest ? 0 : 1);
    if (!interest) {
      index = null;
      notify({
        level: 'warn',
        kind: 'interest-missing',
        message: 'no operator has published what it wants to hear: every change is queued',
      });
    } else {
      // Whatever its revision: a state that was wiped counts from the beginning again.
      const next = await inTurns(indexInSteps(interest, index));
      if (closed) return;
      index = next;
      onRevision(index);
    }
  };
  const read = async (): Promise<void> => {
    if (reading !== null) {
      readAgain = true;
      return reading;
    }
    reading = (async () => {
      do {
        readAgain = false;
        await readOnce();
      } while (readAgain && !closed);
    })();
    try {
      await reading;
    } finally {
      reading = null;
    }
  };
  const beginWatch = async (): Promise<() => Promise<void>> => {
    const watching = reader.watch(() => void follow());
    try {
      return await withDeadline({ work: watching, ms: readWithinMs, clock });
    } catch (error) {
      // One that begins too late is ended at once: the next attempt makes another.
      watching.then(
        (end) => end(),
        () => undefined,
      );
      throw error;
    }
  };
  const begin = async (): Promise<void> => {
    try {
      endWatch ??= await beginWatch();
      await read();
    } catch (error) {
      retry(error);
    }
  };
  const follow = async (): Promise<void> => {
    try {
      await read();
    } catch (error) {
      retry(error);
    }
  };
  const retry = (error: unknown): void => {
    if (closed) return;
    notify({
      level: 'warn',
      kind: 'interest-unread',
      fields: { err: error },
      message: 'what the operator wants to hear cannot be read; trying again',
    });
    cancelRetry();
    cancelRetry = clock.after(tryAgainMs, () => void begin());
  };

  metrics.interestMissing.set(1);
  await begin();
  return {
    current: () => index,
    hasRead: () => hasRead,
    async close() {
      closed = true;
      cancelRetry();
      await endWatch?.();
    },
  };
}

/** Does some work step by step, and whatever else is due in between. */
async function inTurns<Result>(work: Generator<void, Result>): Promise<Result> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    await nextTurn();
  }
}
