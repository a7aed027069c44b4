import { describeBudgets } from './conformance/budgets.ts';
import { describeDeletions } from './conformance/deletions.ts';
import { describeInterest } from './conformance/interest.ts';
import { describeJobs } from './conformance/jobs.ts';
import { describeLeases } from './conformance/leases.ts';
import { describeLedger } from './conformance/ledger.ts';
import { describeOutcomes } from './conformance/outcomes.ts';
import { describeSoak } from './conformance/soak.ts';
import type { StateUnderTest } from './runs.ts';

/** What every make of the state has to do. `open` gives each test a state of its own, empty. */
export function describeState(open: () => Promise<StateUnderTest>): void {
  describeJobs(open);
  describeOutcomes(open);
  describeSoak(open);
  describeLeases(open);
  describeInterest(open);
  describeLedger(open);
  describeDeletions(open);
  describeBudgets(open);
}
