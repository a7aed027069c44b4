/** The time, and a way to be called later; handed in so that tests need not wait. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Runs something once after `ms`; the returned function takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * What `work` resolves to, unless that takes longer than `ms`: then it rejects, and whatever `work` does later is
 * ignored.
 */
export function withDeadline<T>(options: {
  readonly work: Promise<T>;
  readonly ms: number;
  readonly clock: Clock;
}): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = options.clock.after(options.ms, () => reject(new Error(`no answer within ${options.ms} ms`)));
    options.work.then(resolve, reject).finally(cancel);
  });
}
