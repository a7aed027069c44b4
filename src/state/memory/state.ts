import type { Logger } from '../../logging.ts';
import type { LedgerEntry, State, StateWatch, WebhookState } from '../contract.ts';
import { stateClosed } from '../failures.ts';
import { MemoryBudgets } from './budgets.ts';
import { MemoryDeletionLog } from './deletions.ts';
import { MemoryInterest } from './interest.ts';
import { MemoryJobs } from './jobs.ts';
import { MemoryLeases } from './leases.ts';
import { MemoryLedger } from './ledger.ts';

export interface MemoryStateOptions {
  readonly log: Logger;
  /** Unix time in milliseconds; default: the system's clock. */
  readonly now?: () => number;
  /** How many dead letters are kept; default 5,000. */
  readonly deadLetters?: number;
  /** How long a closing consumer waits, in milliseconds, for runs that it aborted; default 1,000. */
  readonly abortGraceMs?: number;
}

export interface MemoryState<Entry extends LedgerEntry = LedgerEntry> extends State<Entry> {
  /** The webhook's view of the same state. Closing the view does nothing: the state belongs to the operator's side. */
  asWebhook(): WebhookState;
}

/** The memory of a process lasts as long as whoever listens. */
const watch: StateWatch = { whenLost: () => () => undefined, mayEvict: () => false };

/** The state of an installation that is one process. It ends with the process. */
export function createMemoryState<Entry extends LedgerEntry>(options: MemoryStateOptions): MemoryState<Entry> {
  const { log, now = Date.now, deadLetters = 5000, abortGraceMs = 1000 } = options;
  const jobs = new MemoryJobs({ now, log, deadLetters, abortGraceMs });
  const interest = new MemoryInterest();
  const leases = new MemoryLeases();
  const budgets = new MemoryBudgets();
  let closed = false;

  async function ping(): Promise<void> {
    if (closed) throw stateClosed();
  }

  return {
    jobs,
    interest,
    leases,
    budgets,
    watch,
    deletions: new MemoryDeletionLog(),
    ledger: new MemoryLedger<Entry>(),
    ping,
    async close() {
      closed = true;
      await jobs.close();
      leases.close();
      budgets.close();
      interest.close();
    },
    asWebhook: () => ({
      inbox: { add: (added) => jobs.add(added), pending: () => jobs.pending() },
      interest: { read: () => interest.read(), watch: (changed) => interest.watch(changed) },
      watch,
      ping,
      close: async () => undefined,
    }),
  };
}
