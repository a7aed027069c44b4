import type { Clock } from './clock.ts';
import type { WebhookLimits } from './settings.ts';

/** Beyond this many, senders that have nothing under way are forgotten: they may be addresses. */
const maxKnown = 10_000;

interface Share {
  underWay: number;
  /** Requests that may come at once; grows back with time. */
  left: number;
  /** When `left` was counted. */
  at: number;
}

/** What one sender may take of the process, so that the others are served. */
export interface SenderLimits {
  /** False when the sender has to wait; after true, `leave` is called once the request is over. */
  enter(key: string): boolean;
  leave(key: string): void;
}

export function createSenderLimits(options: {
  readonly limits: Pick<WebhookLimits, 'maxRequestsPerSender' | 'requestsPerSecond'>;
  readonly clock: Clock;
}): SenderLimits {
  const { limits, clock } = options;
  const { maxRequestsPerSender, requestsPerSecond } = limits;
  const shares = new Map<string, Share>();

  const shareOf = (key: string, now: number): Share => {
    const known = shares.get(key);
    if (known) return known;
    if (shares.size >= maxKnown) {
      for (const [other, { underWay }] of shares) if (underWay === 0) shares.delete(other);
    }
    const share = { underWay: 0, left: requestsPerSecond, at: now };
    shares.set(key, share);
    return share;
  };

  return {
    enter(key) {
      const now = clock.now();
      const share = shareOf(key, now);
      const grown = (Math.max(0, now - share.at) / 1000) * requestsPerSecond;
      share.left = Math.min(requestsPerSecond, share.left + grown);
      share.at = now;
      if (share.underWay >= maxRequestsPerSender || share.left < 1) return false;
      share.left -= 1;
      share.underWay += 1;
      return true;
    },
    leave(key) {
      const share = shares.get(key);
      if (share) share.underWay -= 1;
    },
  };
}
