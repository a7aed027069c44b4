import type { Logger } from '../logging.ts';
import type { Clock } from './clock.ts';

const quietMs = 60_000;

interface Notice {
  readonly level: 'info' | 'warn' | 'error';
  /** One of a closed set: each kind is logged at most once a minute. */
  readonly kind: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Logs what any sender can provoke, at most once a minute per kind, with the number of times in between. */
export type Notify = (notice: Notice) => void;

export function createNotices(options: { readonly logger: Logger; readonly clock: Clock }): Notify {
  const { logger, clock } = options;
  const kinds = new Map<string, { loggedAt: number; unlogged: number }>();
  return ({ level, kind, fields, message }) => {
    const known = kinds.get(kind);
    const now = clock.now();
    if (known && now - known.loggedAt < quietMs) {
      known.unlogged += 1;
      return;
    }
    kinds.set(kind, { loggedAt: now, unlogged: 0 });
    logger[level]({ ...fields, ...(known && known.unlogged > 0 ? { notLoggedBefore: known.unlogged } : {}) }, message);
  };
}
