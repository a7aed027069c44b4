/**
 * - `throttle`    RESOURCE_EXHAUSTED, nothing happens
 * - `throttle-for-7s` the same with the time after which to ask again
 * - `unavailable` UNAVAILABLE, nothing happens
 * - `deny`        PERMISSION_DENIED, nothing happens
 * - `hang`        nothing happens and no answer ever comes
 * - `lose-answer` the call is carried out, then answered with UNAVAILABLE
 * - `lose-checksum` AddSecretVersion is carried out, but as if no checksum had come with it
 */
export const FAULT_KINDS = [
  'throttle',
  'throttle-for-7s',
  'unavailable',
  'deny',
  'hang',
  'lose-answer',
  'lose-checksum',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Method it applies to, e.g. `AddSecretVersion`; absent: all. */
  readonly method?: string;
  /** Number of calls that it lets pass before; absent: none. */
  readonly after?: number;
  /** Number of calls it applies to; absent: until cleared. */
  readonly count?: number;
}

export interface FaultSwitch {
  add(fault: Fault): void;
  clear(): void;
  active(): Fault[];
  /** The fault for this call, if any; a counted one is used up by it. */
  take(method: string): FaultKind | null;
}

export function createFaultSwitch(): FaultSwitch {
  let faults: { fault: Fault; left: number; toPass: number }[] = [];
  return {
    add: (fault) => {
      faults.push({ fault, left: fault.count ?? Number.POSITIVE_INFINITY, toPass: fault.after ?? 0 });
    },
    clear: () => {
      faults = [];
    },
    active: () => faults.map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, count: left } : fault)),
    take: (method) => {
      const entry = faults.find(({ fault }) => fault.method === undefined || fault.method === method);
      if (!entry) return null;
      if (entry.toPass > 0) {
        entry.toPass -= 1;
        return null;
      }
      entry.left -= 1;
      faults = faults.filter(({ left }) => left > 0);
      return entry.fault.kind;
    },
  };
}
