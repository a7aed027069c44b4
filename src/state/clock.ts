/** A clock that nobody sets, and a way to be called later; handed in so that tests need not wait. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Runs something once after `ms`; the returned function takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const processClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
