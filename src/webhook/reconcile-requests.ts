import type { Clock } from './clock.ts';
import type { Notify } from './notices.ts';
import type { Queue } from './queue.ts';

/** Something may have been lost; asks that the whole Vault be looked at. */
export interface ReconcileRequests {
  /** One job per Vault, as soon as the queue takes it and the last one is long enough ago. */
  ask(vault: string, why: LossReason): void;
  close(): void;
}

type LossReason = 'start' | 'refused' | 'shed' | 'reconnect' | 'tooLarge' | 'cut' | 'file' | 'state' | 'unreadable';

/** Several webhooks that lose something for one reason, e.g. while Redis is away, ask within this time (ms): for one run. */
const gatherMs = 3_000;

interface Wish {
  wanted: boolean;
  asking: boolean;
  /** When the queue last took such a job, in milliseconds. */
  askedAt: number | null;
  cancelTimer: () => void;
}

export function createReconcileRequests(options: {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly notify: Notify;
  /** Shortest time between two for the same Vault, in milliseconds. */
  readonly intervalMs: number;
}): ReconcileRequests {
  const { queue, clock, notify, intervalMs } = options;
  const wishes = new Map<string, Wish>();
  let closed = false;

  const fulfil = async (vault: string, wish: Wish): Promise<void> => {
    if (closed || wish.asking || !wish.wanted) return;
    wish.cancelTimer();
    const waitMs = wish.askedAt === null ? 0 : wish.askedAt + intervalMs - clock.now();
    if (waitMs > 0) {
      wish.cancelTimer = clock.after(waitMs, () => void fulfil(vault, wish));
      return;
    }
    wish.asking = true;
    wish.wanted = false;
    try {
      await queue.add([{ job: { kind: 'mount', vault, namespace: '', mount: '' }, delayMs: gatherMs }]);
      wish.askedAt = clock.now();
    } catch {
      // The queue says when it is back.
      wish.wanted = true;
    } finally {
      wish.asking = false;
    }
    if (wish.wanted && !queue.isAway()) await fulfil(vault, wish);
  };

  queue.whenBack(() => {
    for (const [vault, wish] of wishes) void fulfil(vault, wish);
  });

  return {
    ask(vault, why) {
      const wish = wishes.get(vault) ?? { wanted: false, asking: false, askedAt: null, cancelTimer: () => undefined };
      wishes.set(vault, wish);
      wish.wanted = true;
      notify({
        level: 'info',
        kind: `reconcile-${why}`,
        fields: { vault, why },
        message: 'events may have been missed: the whole Vault will be reconciled',
      });
      if (!queue.isAway()) void fulfil(vault, wish);
    },
    close() {
      closed = true;
      for (const wish of wishes.values()) wish.cancelTimer();
    },
  };
}
