import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Desired, Observed, Target, Written } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
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
  /** Describes what must be there. */
  look(name: string): Promise<Observed>;
  /** Methods that the target called since the log was forgotten. */
  operations(): Promise<string[]>;
}

/** Runs one stand-in for all tests of a file. */
export function useGcp(): {
  gcpStore(): GcpUnderTest;
  open(settings?: Partial<GcpSettings>, projectId?: string): World;
} {
  const opened: Target[] = [];
  let store: GcpUnderTest;
  let lastName = 0;

  beforeAll(async () => {
    store = await openGcp();
  });
  afterEach(async () => {
    await store.store.clearFaults();
    for (const target of opened.splice(0)) await target.close?.();
  });
  afterAll(async () => {
    await store.close();
  });

  function open(settings: Partial<GcpSettings> = {}, projectId: string = project.id): World {
    const clock = createManualClock(Date.now());
    const errors: unknown[] = [];
    const context = createContext({ settings: { ...store.settings, ...settings }, clock, errors });
    const target = gcp.open({ gcp: { project: projectId } }, context);
    opened.push(target);
    const wish = (changes: Partial<Wish> = {}): Desired => {
      lastName += 1;
      return desire({
        name: `peculiar-${lastName}`,
        value: canary,
        owner,
        destination: store.destination({}),
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
      async look(name) {
        const observed = await target.describe(name, signal);
        if (!observed) throw new Error(`${name} is absent`);
        return observed;
      },
      operations: async () => (await store.store.requests()).map(({ operation }) => operation),
    };
  }

  return { gcpStore: () => store, open };
}
