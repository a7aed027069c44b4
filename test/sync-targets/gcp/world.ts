import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { GcpDestination } from '../../../src/crd/destinations/gcp.ts';
import type { Desired, Difference, Observed, Target, Written } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import type { SecretView } from '../../stand-ins/gcp-secret-manager/start.ts';
import {
  canary,
  createContext,
  createManualClock,
  desire,
  type ManualClock,
  type Wish,
} from '../conformance/under-test.ts';
import { type GcpUnderTest, openGcp, project } from './under-test.ts';

export const owner = 'c0ffee00'.repeat(4);

/** Nobody gives up. */
export const { signal } = new AbortController();

/** One target over the stand-in, with a clock and a list of background errors of its own. */
export interface World {
  readonly target: Target;
  readonly clock: ManualClock;
  readonly errors: unknown[];
  /** A copy that must be; it has a name of its own unless said. */
  wish(changes?: Partial<Wish>): Desired;
  create(changes?: Partial<Wish>): Promise<{ desired: Desired; written: Written }>;
  /** The same copy, with other fields in its manifest. */
  with(desired: Desired, changed: GcpDestination): Desired;
  /** Describes, compares without what is remembered, and writes if something differs. */
  bring(desired: Desired): Promise<{ differences: readonly Difference[] | null; written: Written | null }>;
  /** The secret as the stand-in has it. */
  view(name: string): Promise<SecretView>;
  /** Describes what must be there. */
  look(name: string): Promise<Observed>;
  /** Methods that the target called since the log was forgotten. */
  operations(): Promise<string[]>;
}

/** Runs one stand-in for all tests of a file. */
export function useGcp(): {
  gcpStore(): GcpUnderTest;
  open(settings?: Partial<GcpSettings>, fields?: GcpDestination): World;
} {
  const opened: Target[] = [];
  let store: GcpUnderTest;
  let lastName = 0;

  beforeAll(async () => {
    store = await openGcp();
  });
  afterEach(async () => {
    await store.store.clearFaults();
    await store.standIn.allow();
    for (const target of opened.splice(0)) await target.close?.();
  });
  afterAll(async () => {
    await store.close();
  });

  function open(settings: Partial<GcpSettings> = {}, fields: GcpDestination = {}): World {
    const clock = createManualClock(Date.now());
    const errors: unknown[] = [];
    const context = createContext({ settings: { ...store.settings, ...settings }, clock, errors });
    const destination = { gcp: { project: project.id, ...fields } };
    const target = gcp.open(destination, context);
    opened.push(target);
    const wish = (changes: Partial<Wish> = {}): Desired => {
      lastName += 1;
      return desire({
        name: `peculiar-${lastName}`,
        value: canary,
        owner,
        destination,
        ...changes,
      });
    };
    return {
      target,
      clock,
      errors,
      wish,
      async create(changes) {
        const desired = wish(changes);
        return { desired, written: await target.write(desired, { kind: 'absent' }, signal) };
      },
      with: (desired, changed) => ({ ...desired, destination: { gcp: { ...destination.gcp, ...changed } } }),
      async bring(desired) {
        const observed = await target.describe(desired.name, signal);
        if (!observed) return { differences: null, written: await target.write(desired, { kind: 'absent' }, signal) };
        const differences = target.compare(desired, observed, null);
        if (differences.length === 0) return { differences, written: null };
        const premise = { kind: 'observed', observed, differences } as const;
        return { differences, written: await target.write(desired, premise, signal) };
      },
      async view(name) {
        const found = (await store.standIn.secrets()).find((secret) => secret.name === name);
        if (!found) throw new Error(`${name} is not in the stand-in`);
        return found;
      },
      async look(name) {
        const observed = await target.describe(name, signal);
        if (!observed) throw new Error(`${name} is absent`);
        return observed;
      },
      operations: async () => ((await store.store.requests()) ?? []).map(({ operation }) => operation),
    };
  }

  return { gcpStore: () => store, open };
}
