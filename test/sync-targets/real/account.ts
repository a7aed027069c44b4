import { randomBytes } from 'node:crypto';
import type { StoreControl, StoreUnderTest } from '../conformance/under-test.ts';

/**
 * What every name of one run begins with: so nothing else is touched, and what a crash left is found. Letters and digits
 * alone, so that a reversible name begins with it too.
 */
export function newPrefix(): string {
  return `vssconformance${randomBytes(4).toString('hex')}`;
}

export const needsFaults = 'needs a peer whose faults can be switched';

/** Milliseconds for a case: a real store is slower, and what it shows may be older. */
export const patienceMs = 120_000;

/** What a real store cannot do for a test: it neither counts requests nor fails when it is told to. */
export const unattended = {
  requests: async () => null,
  forgetRequests: async () => {},
  hanging: async () => 0,
  clearFaults: async () => {},
  fault: async () => {
    throw new Error(`skip the case: it ${needsFaults}`);
  },
} satisfies Pick<StoreControl, 'requests' | 'forgetRequests' | 'hanging' | 'clearFaults' | 'fault'>;

/** Only cases that cut a writing ask for it, and none of them runs here. */
export function everythingIs(destination: StoreUnderTest['everything']['first']): StoreUnderTest['everything'] {
  return { first: destination, later: destination };
}
