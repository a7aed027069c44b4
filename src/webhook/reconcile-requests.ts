import type { NewJob } from '../state/contract.ts';
import type { Clock } from './clock.ts';
import type { Notify } from './notices.ts';
import type { Queue } from './queue.ts';

/** Something may have been lost; asks that the whole Vault be looked at. */
export interface ReconcileRequests {
  /** One job per Vault, as soon as the queue takes it and the last one is long enough ago. */
  ask(vault: string, why: LossReason): void;
  /** Hands in at once whatever still waits, for nobody here will ask for it later. Within two seconds; it tries once. */
  close(): Promise<void>;
}

type LossReason = 'start' | 'refused' | 'shed' | 'reconnect' | 'tooLarge' | 'cut' | 'file' | 'state' | 'unreadable';

/** Several webhooks that lose something for one reason, e.g. while Redis is away, ask within this time (ms): for one run. */
const gatherMs = 3_000;

interface Wish {
  wanted: boolean;
  /** The start asks for the Vault as soon as everybody listens: that covers what is asked for until then. */
  awaitsStart: boolean;
  asking: Promise<void> | null;
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
  /** Vaults for which nothing is handed in before it is asked for because of the start. */
  readonly starting?: readonly string[];
}): ReconcileRequests {
  const { queue, clock, notify, intervalMs, starting = [] } = options;
  const wishes = new Map(starting.map((vault) => [vault, newWish({ awaitsStart: true })]));
  let closed = false;

  const fulfil = (vault: string, wish: Wish): void => {
    if (closed || wish.awaitsStart || wish.asking || !wish.wanted) return;
    wish.cancelTimer();
    const waitMs = wish.askedAt === null ? 0 : wish.askedAt + intervalMs - clock.now();
    if (waitMs > 0) wish.cancelTimer = clock.after(waitMs, () => fulfil(vault, wish));
    else wish.asking = handIn(vault, wish);
  };
  const handIn = async (vault: string, wish: Wish): Promise<void> => {
    wish.wanted = false;
    try {
      await queue.add([reconcileOf(vault)]);
      wish.askedAt = clock.now();
    } catch {
      // The queue says when it is back.
      wish.wanted = true;
    }
    wish.asking = null;
    if (!queue.isAway()) fulfil(vault, wish);
  };

  queue.whenBack(() => {
    for (const [vault, wish] of wishes) fulfil(vault, wish);
  });

  return {
    ask(vault, why) {
      const wish = wishes.get(vault) ?? newWish({ awaitsStart: false });
      wishes.set(vault, wish);
      wish.wanted = true;
      if (why === 'start') wish.awaitsStart = false;
      notify({
        level: 'info',
        kind: `reconcile-${why}`,
        fields: { vault, why },
        message: 'events may have been missed: the whole Vault will be reconciled',
      });
      if (!queue.isAway()) fulfil(vault, wish);
    },
    async close() {
      closed = true;
      for (const wish of wishes.values()) wish.cancelTimer();
      await Promise.all([...wishes.values()].map(({ asking }) => asking));
      const vaults = [...wishes].filter(([, { wanted }]) => wanted).map(([vault]) => vault);
      wishes.clear();
      if (vaults.length === 0) return;
      try {
        await queue.add(vaults.map(reconcileOf));
      } catch {
        notify({
          level: 'error',
          kind: 'reconcile-untold',
          fields: { vaults },
          message:
            'events may have been missed, and the queue takes no request for a reconcile before this webhook ends: the next start of a webhook asks for one',
        });
      }
    },
  };
}

function newWish({ awaitsStart }: Pick<Wish, 'awaitsStart'>): Wish {
  return { wanted: false, awaitsStart, asking: null, askedAt: null, cancelTimer: () => undefined };
}

function reconcileOf(vault: string): NewJob {
  return { job: { kind: 'mount', vault, namespace: '', mount: '' }, delayMs: gatherMs };
}
