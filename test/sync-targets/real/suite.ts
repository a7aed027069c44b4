import type { Field, StoreUnderTest } from '../conformance/under-test.ts';
import { type ConformanceOptions, skipFaults, targetConformance } from '../conformance.ts';
import { needsFaults } from './account.ts';

export interface RealSuite<Settings> {
  readonly name: string;
  open(): Promise<StoreUnderTest<Settings>>;
  /** Where the store is unlike others, real or not. */
  readonly unlikeOthers: Pick<ConformanceOptions<Settings>, 'skip' | 'lacks'>;
  /** Fields that take more than an account, each with the reason. */
  readonly lacks?: Readonly<Partial<Record<Field, string>>>;
}

/** The suite of a store on a real account: what needs faults is skipped, and nothing counts requests. */
export function realConformance<Settings>({ name, open, unlikeOthers, lacks }: RealSuite<Settings>): void {
  targetConformance({
    name,
    open,
    skip: { ...unlikeOthers.skip, ...skipFaults(needsFaults) },
    lacks: { ...unlikeOthers.lacks, ...lacks },
  });
}

const needsKeys = 'needs KMS keys, which cost money and outlive a test';

export const awsLacks = { encryptionKey: `${needsKeys}: name two` };
export const azureLacks = { enabled: 'nobody can read a copy that is disabled, to see that its value is right' };
export const gcpLacks = { encryptionKey: needsKeys, topics: 'needs topics that Secret Manager may publish to' };
