import type { Metrics } from '../../metrics.ts';
import type { VerdictSink } from '../audit/reader.ts';
import type { Clock } from '../clock.ts';
import type { Ingest } from '../ingest.ts';
import type { Notify } from '../notices.ts';
import type { ReconcileRequests } from '../reconcile-requests.ts';

/**
 * What is kept while the queue does not take it; as much again may be on its way to the queue. What comes beyond is shed,
 * and covered by a reconcile. What nobody wants never comes so far.
 */
const bound = { jobs: 10_000, keyCharacters: 16 * 1024 * 1024 };
const tryAgainMs = 500;

export interface FeedOptions {
  /** What metrics call the listener, e.g. `tcp:9090`. */
  readonly listener: string;
  /** The one Vault whose lines arrive here. */
  readonly vault: string;
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly notify: Notify;
}

/** The way from a listener to the queue. */
export interface Feed {
  readonly sink: VerdictSink;
  /** Hands in what was gathered, unless that is under way already. Never waits. */
  forward(): void;
  /** Hands in what is left, as far as the queue takes it, and asks for a reconcile where it does not. */
  close(): Promise<void>;
}

/**
 * One `add` at a time: what arrives meanwhile is gathered, up to a bound, and handed in next. `cutIsLost`: a line that is
 * no JSON was cut, and will not come whole again.
 */
export function createFeed(options: FeedOptions & { readonly cutIsLost: boolean }): Feed {
  const { listener, vault, requests, metrics, clock } = options;
  const intake = options.ingest.open(vault, bound);
  let lostLine = false;
  let flying: Promise<void> | null = null;
  let cancelRetry: (() => void) | null = null;
  let closed = false;

  const tellLosses = (): void => {
    const shed = intake.takeShed();
    if (shed > 0) {
      metrics.socketShed.inc({ listener, reason: 'full' }, shed);
      requests.ask(vault, 'shed');
    }
    if (lostLine) requests.ask(vault, 'cut');
    lostLine = false;
  };
  const fly = async (): Promise<void> => {
    while (intake.size > 0) {
      try {
        await intake.commit();
      } catch {
        tellLosses();
        if (closed) return;
        cancelRetry = clock.after(tryAgainMs, () => {
          cancelRetry = null;
          forward();
        });
        return;
      }
    }
  };
  const forward = (): void => {
    intake.report();
    tellLosses();
    if (flying || cancelRetry || closed || intake.size === 0) return;
    flying = fly().finally(() => {
      flying = null;
    });
  };

  return {
    sink: {
      verdict(verdict) {
        if (options.cutIsLost && verdict.reason === 'NotJson') lostLine = true;
        intake.verdict(verdict);
      },
      passedOver: () => intake.passedOver(),
      unwanted: (record, paths) => intake.unwanted(record, paths),
    },
    forward,
    async close() {
      closed = true;
      cancelRetry?.();
      await flying;
      await fly();
      if (intake.size > 0) requests.ask(vault, 'shed');
    },
  };
}
