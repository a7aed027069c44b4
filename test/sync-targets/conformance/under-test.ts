import { createHash, createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import type { Destination } from '../../../src/crd/vault-secret-sync.ts';
import type { SyncError } from '../../../src/errors.ts';
import type { Desired, Difference, Target, TargetContext, TargetKind } from '../../../src/sync-targets/contract.ts';

/** What can be switched on between a target and its store. Authentication calls never meet a fault. */
export type StoreFault =
  /** The store says "slow down" and does nothing. */
  | 'throttle'
  /** The same, and to come back in 7 seconds. */
  | 'throttleFor7s'
  /** The store answers as it does when it is broken (5xx, UNAVAILABLE) and does nothing. */
  | 'unavailable'
  /** The store refuses for lack of a permission and does nothing. */
  | 'denied'
  /** The store takes the call and never answers. */
  | 'hang'
  /** The store does its work, and the connection breaks before the answer arrives. */
  | 'lostAnswer';

/** One call that reached the store, or a fault in front of it. */
interface StoreRequest {
  /** As the store calls it, e.g. `PutSecretValue`. */
  readonly operation: string;
  /** Whether it may change something. */
  readonly write: boolean;
}

/** The store behind the target, as somebody with full rights and another client sees it. */
export interface StoreControl {
  /** The value as any reader gets it; null when there is none (absent, or deleted and not restored). */
  valueOf(name: string): Promise<string | null>;
  /** Everything that says something about the copy: tags, labels, annotations, marks included. */
  tagsOf(name: string): Promise<Readonly<Record<string, string>>>;
  /** The description as the store shows it, '' = none; needed only for the cases about it. */
  descriptionOf?(name: string): Promise<string>;
  /** How many versions the copy has; needed only for the case about repeated updates. */
  versionCount?(name: string): Promise<number>;
  /** Somebody writes another value, in the way the store's own tools do. */
  changeByHand(name: string, value: string): Promise<void>;
  /** Somebody deletes the copy in the store's usual (recoverable) way; ends when the deletion is complete. */
  deleteByHand(name: string): Promise<void>;
  /** Somebody creates a secret that is not ours: with these marks, or without any. */
  createForeign(name: string, value: string, marks?: { readonly owner: string; readonly ref: string }): Promise<void>;
  /**
   * Calls since the start or the last `forgetRequests`, oldest first; neither authentication nor this control's own. Null
   * where nobody counts them (a real account).
   */
  requests(): Promise<readonly StoreRequest[] | null>;
  forgetRequests(): Promise<void>;
  /** Calls of the target meet the fault: `count` of them (until `clearFaults` unless said), after so many that pass. */
  fault(fault: StoreFault, which?: { readonly count?: number; readonly after?: number }): Promise<void>;
  /** Calls that the store took, has not answered, and whose caller still waits. */
  hanging(): Promise<number>;
  clearFaults(): Promise<void>;
}

/** What a target may see to be different, other than the value and a deletion, which have cases of their own. */
export type Field = Exclude<Difference, 'value' | 'pendingDeletion'>;

/** How a field of a copy changes without us. */
export interface FieldUnderTest {
  /** A destination that has a word about the field. */
  readonly destination: Destination;
  /** Somebody else changes it in a copy of that destination. */
  spoil(name: string): Promise<void>;
  /** Where the manifest has no word about it any more: it stays as it is, or it goes (back to a default, or away). */
  readonly takenOut: 'Stays' | 'Goes';
}

export interface StoreUnderTest<Settings = unknown> {
  readonly kind: TargetKind<Settings>;
  readonly settings: Settings;
  /** A destination in the store, with these tags (AWS, Azure) or labels (GCP). */
  destination(tags: Readonly<Record<string, string>>): Destination;
  /** A destination whose copies have this description; needed only for the cases about it. */
  describedBy?(description: string): Destination;
  /** Every field that the store has; the others are among the reasons for which cases are skipped. */
  readonly fields: Readonly<Partial<Record<Field, FieldUnderTest>>>;
  /** Two destinations with a word about all that takes calls of its own, and each another one. */
  readonly everything: { readonly first: Destination; readonly later: Destination };
  readonly store: StoreControl;
  readonly limits: {
    /** The longest name. */
    readonly nameCharacters: number;
    /** The largest value. */
    readonly valueBytes: number;
    /** Tags (GCP: labels) of the manifest, beside ours. */
    readonly tags: { readonly count: number; readonly keyCharacters: number; readonly valueCharacters: number };
  };
  /** What the message says when this is missing: the permission (or role) to ask for. */
  readonly permissions: { readonly read: string; readonly write: string };
  /** What all names begin with, where others use the store too. */
  readonly prefix?: string;
  /** Milliseconds for a case; 20 s unless said. */
  readonly patienceMs?: number;
  /** Ends the store. Targets have been closed by then. */
  close(): Promise<void>;
}

/** Milliseconds. */
export const minute = 60_000;

/** A clock that stands still until it is moved. */
export interface ManualClock extends Pick<TargetContext<unknown>, 'now' | 'schedule'> {
  /** Moves on, and runs what is due on the way. */
  advance(ms: number): void;
}

export function createManualClock(start: number): ManualClock {
  let time = start;
  let timers: { due: () => void; at: number }[] = [];
  return {
    now: () => time,
    schedule(due, delayMs) {
      const timer = { due, at: time + delayMs };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    advance(ms) {
      const end = time + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
        if (!next) break;
        timers = timers.filter((timer) => timer !== next);
        time = Math.max(time, next.at);
        next.due();
      }
      time = end;
    },
  };
}

/** Part of every value that the suite writes: no text that a target gives away may hold it. */
export const canary = 'canary-5e1f0c9a7b';

/** A value that nothing else has. */
export function secretValue(distinction: string): string {
  return JSON.stringify({ user: 'ada', password: `${canary}-${distinction}` });
}

export interface Wish {
  readonly name: string;
  readonly value: string;
  readonly destination: Destination;
  /** 32 hex digits. */
  readonly owner: string;
  /** Version in Vault; 1 unless said. */
  readonly version?: number;
}

/** What `sync` would hand to a target. */
export function desire({ name, value, destination, owner, version = 1 }: Wish): Desired {
  // As in `sync`: of all that a manifest says, only this is part of the value.
  const valueType = destination.aws?.valueType ?? null;
  const fingerprint = hmac(JSON.stringify([name, value, valueType])).slice(0, 32);
  return {
    name,
    value,
    destination,
    marks: { owner, ref: 'team-a/db', state: `${version}.${sha256('source').slice(0, 16)}.${fingerprint}` },
    versionIdAfter(replaced) {
      const hash = hmac(JSON.stringify([owner, 'source', version, fingerprint, replaced])).slice(0, 40);
      return `vss1-${String(version).padStart(10, '0')}-${hash}`;
    },
  };
}

/** A target that keeps every error it throws in `errors`, however deep it was called. */
export function noteErrors(target: Target, errors: unknown[]): Target {
  const note = (error: unknown): never => {
    errors.push(error);
    throw error;
  };
  const noteSync = <Result>(act: () => Result): Result => {
    try {
      return act();
    } catch (error) {
      return note(error);
    }
  };
  const list = target.list?.bind(target);
  const noted: Target = {
    ...target,
    nameOf: (name, options) => noteSync(() => target.nameOf(name, options)),
    preflight: (desired) => noteSync(() => target.preflight(desired)),
    describe: (name, signal, destination) => target.describe(name, signal, destination).catch(note),
    compare: (desired, observed, written) => noteSync(() => target.compare(desired, observed, written)),
    write: (desired, premise, signal) => target.write(desired, premise, signal).catch(note),
    remove: (observed, signal, destination) => target.remove(observed, signal, destination).catch(note),
    close: async () => target.close?.().catch(note),
  };
  return list ? { ...noted, list } : noted;
}

/** Everything that a log, an event or a debugger could show of an error, its causes included. */
export function everythingAbout(error: unknown): string {
  return inspect(error, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null });
}

/** Errors that a target reports on its own time. */
export function createContext<Settings>(options: {
  readonly settings: Settings;
  readonly clock: ManualClock;
  readonly errors: unknown[];
}): TargetContext<Settings> {
  const { settings, clock, errors } = options;
  const onBackgroundError = (error: SyncError) => void errors.push(error);
  return { settings, now: clock.now, schedule: clock.schedule, onBackgroundError };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(text: string): string {
  return createHmac('sha256', 'a key of the tests').update(text).digest('hex');
}
