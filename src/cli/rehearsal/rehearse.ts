import type { Logger } from '../../logging.ts';
import type { DeletionLog, Ledger, State } from '../../state/contract.ts';
import { createMemoryState } from '../../state/memory/state.ts';
import type { CopyRecord } from '../../sync/ports.ts';
import type { Target } from '../../sync-targets/contract.ts';
import type { Stores } from '../compose/stores.ts';
import { RehearsedLedger } from './ledger.ts';
import { rehearseTarget } from './target.ts';

/**
 * A plan is a run in rehearsal: the very code of a run, in a world that looks at everything and writes nowhere. What it
 * writes stays in memory, so that whoever comes later in the run meets it: of two syncs that want one copy the first creates it,
 * and the second conflicts.
 */

/** What is remembered, leased, counted and budgeted in a rehearsal. */
export type RehearsedState = Pick<State<CopyRecord>, 'ledger' | 'leases' | 'deletions' | 'budgets' | 'close'>;

/** Reads through to what the operator remembers (`below`; null = nothing), and keeps every change to itself. */
export function rehearseState(
  below: { readonly ledger: Ledger<CopyRecord>; readonly deletions: DeletionLog } | null,
  log: Logger,
): RehearsedState {
  const own = createMemoryState<CopyRecord>({ log });
  if (!below) return own;
  const { leases, deletions, budgets, close } = own;
  const ledger = new RehearsedLedger(below.ledger);
  return { ledger, leases, deletions: rehearseDeletions(below.deletions, deletions), budgets, close };
}

function rehearseDeletions(below: DeletionLog, own: DeletionLog): DeletionLog {
  const noted: DeletionLog['noted'] = async (sync, options) => {
    const both = await Promise.all([below.noted(sync, options), own.noted(sync, options)]);
    return [...new Set(both.flat())];
  };
  const admit: DeletionLog['admit'] = async (sync, { copies, limit, ...options }) => {
    const before = new Set(await noted(sync, options));
    const added = new Set(copies).difference(before).size;
    if (added > 0 && before.size + added > limit) return false;
    return own.admit(sync, { ...options, copies, limit: Number.POSITIVE_INFINITY });
  };
  let turn: Promise<unknown> = Promise.resolve();
  return {
    noted,
    count: async (sync, options) => (await noted(sync, options)).length,
    admit(sync, options) {
      // One after the other: what one notes the next must see.
      const admitted = turn.then(() => admit(sync, options));
      turn = admitted.catch(() => undefined);
      return admitted;
    },
  };
}

/** The stores, each with a target that only looks. */
export function rehearseStores(stores: Stores): Stores {
  const targets = new Map<Target, Target>();
  const rehearsed = (target: Target): Target => {
    const known = targets.get(target) ?? rehearseTarget(target);
    targets.set(target, known);
    return known;
  };
  return {
    target: async (destination, namespace) => rehearsed(await stores.target(destination, namespace)),
    async targetAt(place, namespace) {
      const target = await stores.targetAt(place, namespace);
      return target && rehearsed(target);
    },
    close: () => stores.close(),
  };
}
